// Activations on the way up and gradients on the way down through layers of equal width: what the
// theory of infinitely wide layers says, and one network drawn at random.

"use strict";

Interactive.define("signal-through-depth", (figure) => {
  const { slider, choice, tick, number, decades } = Interactive;
  const LAYERS = 50;
  const WIDTH = 128;
  const whole = (value) => value.toFixed(0);

  figure.controls({
    activation: choice("Activation", {
      linear: "linear", sigmoid: "sigmoid", tanh: "tanh", relu: "ReLU", leaky_relu: "leaky ReLU",
      elu: "ELU", selu: "SELU", gelu: "GELU", swish: "swish", mish: "mish",
    }, "tanh"),
    factor: slider("Weights: std × √width", { min: 0.3, max: 4, step: "any", value: 1 }),
    width: slider("Width", { min: 8, max: WIDTH, step: 8, value: 64, show: whole }),
    layers: slider("Layers", { min: 2, max: LAYERS, step: 1, value: 30, show: whole }),
    network: tick("Show a network drawn at random", false),
  });
  figure.buttons({
    "Glorot: 1": () => figure.set({ factor: 1 }),
    "He: √2": () => figure.set({ factor: Math.SQRT2 }),
    Reset: figure.reset,
  });
  const up = figure.chart({ title: "On the way up", x: "layer", y: "RMS of the activations" });
  const down = figure.chart({ title: "On the way down", x: "layer", y: "RMS of dL/dz, top layer = 1" });

  // Standard normal numbers, the same for every reader: moving a slider rescales the same network
  const normals = [];
  const normal = (layer) => (normals[layer] ??= Formulas.normals(7919 * layer, WIDTH * WIDTH));
  const rms = (values) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);

  /** Send one input of mean square 1 up a network, and a gradient down. */
  const measure = (name, factor, width, layers) => {
    const { f, slope } = Formulas.activations[name];
    const std = factor / Math.sqrt(width);
    let a = normal(0).slice(0, width);
    a = a.map((v) => v / rms(a));
    const sums = [];
    const activations = [];
    for (let layer = 1; layer <= layers; layer++) {
      const weights = normal(layer);
      const z = new Float64Array(width);
      for (let i = 0; i < width; i++) {
        for (let j = 0; j < width; j++) z[j] += std * a[i] * weights[i * width + j];
      }
      a = z.map((v) => f(v));
      sums.push(z);
      activations.push(rms(a));
    }
    let delta = normal(0).slice(width, 2 * width);
    const gradients = new Array(layers);
    gradients[layers - 1] = rms(delta);
    for (let layer = layers - 1; layer >= 1; layer--) {
      const weights = normal(layer + 1);
      const next = new Float64Array(width);
      for (let i = 0; i < width; i++) {
        let sum = 0;
        for (let j = 0; j < width; j++) sum += weights[i * width + j] * delta[j];
        next[i] = std * sum * slope(sums[layer - 1][i]);
      }
      delta = next;
      gradients[layer - 1] = rms(delta);
    }
    return { activations, gradients: gradients.map((g) => g / gradients[layers - 1]) };
  };

  return ({ activation, factor, width, layers, network }) => {
    const theory = Formulas.signalTheory(activation, factor, layers);
    const activations = theory.outputs.map(Math.sqrt);
    const gradients = theory.gradients.map(Math.sqrt);
    const measured = network ? measure(activation, factor, width, layers) : undefined;
    const byLayer = (values) => values.map((value, i) => [i + 1, value]);
    for (const [chart, color, line, dots] of [
      [up, "blue", activations, measured?.activations],
      [down, "vermilion", gradients, measured?.gradients],
    ]) {
      const range = decades([...line, ...(dots ?? [])]);
      chart.draw({
        x: { range: [1, layers], ticks: layers < 8 ? d3.range(1, layers + 1) : undefined },
        y: { range, log: true },
        lines: [{ points: byLayer(line), color }],
        dots: dots ? [{ points: byLayer(dots), color }] : [],
      });
    }
    const chi = theory.gradients[0] ** (1 / (layers - 1));
    const fate = Math.abs(chi - 1) < 0.005 ? "keeps" : chi < 1 ? "weakens" : "amplifies";
    const outcome =
      gradients[0] < 1e-3 ? "The gradient vanishes" : gradients[0] > 1e3 ? "It explodes" : "It survives";
    figure.say(
      `Standard deviation of the weights ${number(factor / Math.sqrt(width))}. ` +
        `Activations: ${number(activations[0])} in layer 1, ` +
        `${number(activations[layers - 1])} in layer ${layers}. ` +
        `A layer ${fate} the gradient's mean square, on average by χ = ${number(chi)}. ` +
        `${outcome}: layer 1 gets ${number(gradients[0])} of what the top layer has.`,
    );
    return { activations, gradients, measured };
  };
});

// Activation functions and their slopes, with the parameters that some of them have.

"use strict";

Interactive.define("activation-functions", (figure) => {
  const { slider, tick, number } = Interactive;

  // Colours and dashes are those of companion.lab.plots
  const shown = {
    sigmoid: { text: "sigmoid", style: { color: "orange", dash: "7 3" }, on: true },
    tanh: { text: "tanh", style: { color: "green", dash: "9 3 2 3" }, on: true },
    relu: { text: "ReLU", style: { color: "blue" }, on: true },
    leaky_relu: { text: "leaky ReLU", style: { color: "sky", dash: "7 3" }, on: false },
    elu: { text: "ELU", style: { color: "purple", dash: "2 3" }, on: false },
    selu: { text: "SELU", style: { color: "black" }, on: false },
    gelu: { text: "GELU", style: { color: "vermilion" }, on: true },
    swish: { text: "swish", style: { color: "brown", dash: "7 3" }, on: false },
    mish: { text: "mish", style: { color: "violet", dash: "9 3 2 3" }, on: false },
  };
  const ticks = Object.entries(shown).map(([name, { text, on, style }]) => [name, tick(text, on, style)]);
  figure.controls(Object.fromEntries(ticks));
  figure.controls({
    "leaky_relu-parameter": slider("Leaky ReLU: α", { min: 0, max: 0.5, step: 0.01, value: 0.01 }),
    "elu-parameter": slider("ELU: α", { min: 0.1, max: 3, step: 0.05, value: 1 }),
    "swish-parameter": slider("Swish: β", { min: 0, max: 10, step: 0.1, value: 1 }),
    z: slider("Read off at z", { min: -5, max: 5, step: 0.05, value: 1 }),
  }, "Parameters of the functions");
  figure.buttons({ Reset: figure.reset });
  const charts = [
    figure.chart({ title: "Activation f(z)", x: "z", y: "" }),
    figure.chart({ title: "Slope f′(z)", x: "z", y: "" }),
  ];
  const places = d3.range(-200, 201).map((i) => i / 40);

  return (values) => {
    const names = Object.keys(shown).filter((name) => values[name]);
    const curves = names.map((name) => {
      const { f, slope } = Formulas.activations[name];
      const parameter = values[`${name}-parameter`];
      const both = (z) => [f(z, parameter), slope(z, parameter)];
      return { name, parameter, pairs: places.map(both), here: both(values.z) };
    });
    charts.forEach((chart, side) =>
      chart.draw({
        x: { range: [-5, 5] },
        y: { range: side ? [-0.25, 1.5] : [-2, 5] },
        lines: [
          { points: [[values.z, -9], [values.z, 9]], color: "grey", width: 1 },
          ...curves.map(({ name, pairs }) => ({
            ...shown[name].style,
            points: places.map((z, i) => [z, pairs[i][side]]),
          })),
        ],
        dots: curves.map(({ name, here }) => ({
          points: [[values.z, here[side]]], color: shown[name].style.color, radius: 4,
        })),
      }));
    figure.say(
      `At z = ${number(values.z)}: ` +
        (curves
          .map(({ name, here }) => `${shown[name].text} ${number(here[0])}, slope ${number(here[1])}`)
          .join("; ") || "no function is ticked") + ".",
    );
    return { places, curves };
  };
});

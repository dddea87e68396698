// Batches of one feature, whose distribution changes on the way; what batch normalization makes of
// them in training, by the batch's statistics, and in prediction, by the moving ones.

"use strict";

Interactive.define("batch-normalization", (figure) => {
  const { slider, choice } = Interactive;
  const number = (value) => Interactive.number(Math.abs(value) < 1e-9 ? 0 : value);
  const whole = (value) => value.toFixed(0);
  const BATCHES = 400;
  const CHANGE = 100; // the batch before the first that is different
  const LARGEST = 256;
  const momentumOf = (memory) => 1 - 1 / memory;

  figure.controls({
    change: choice("After 100 batches the inputs", {
      jump: "jump", drift: "drift, for 100 batches", stay: "stay as they are",
    }, "jump"),
    before: slider("Mean before", { min: -5, max: 5, step: 0.1, value: 2 }),
    after: slider("Mean after", { min: -5, max: 5, step: 0.1, value: -1 }),
    spread: slider("Standard deviation after", { min: 0.05, max: 5, step: 0.05, value: 2 }),
    size: slider("Batch size", { min: 1, max: Math.log2(LARGEST), step: 1, value: 5, show: (v) => `${2 ** v}` }),
    memory: slider("Momentum m", {
      min: 1.25, max: 1000, step: "any", value: 50, scale: "log",
      show: (memory) => momentumOf(memory).toFixed(memory < 20 ? 2 : memory < 200 ? 3 : 4),
    }),
    gamma: slider("Scale γ", { min: 0.1, max: 3, step: 0.05, value: 1 }),
    beta: slider("Offset β", { min: -3, max: 3, step: 0.1, value: 0 }),
    epsilon: choice("Epsilon", { "1e-3": "0.001, as in Keras", "1e-5": "0.00001, as in the paper" }, "1e-3"),
    batch: slider("Look at batch", { min: 1, max: BATCHES, step: 1, value: 110, show: whole }),
  });
  let seed = 1;
  let normals = Formulas.normals(seed, BATCHES * LARGEST);
  figure.buttons({
    "Draw other batches": () => {
      normals = Formulas.normals(++seed, BATCHES * LARGEST);
      figure.update();
    },
    Reset: figure.reset,
  });
  figure.legend({
    "as the inputs are drawn": { color: "black", dash: "2 3" },
    "a batch's statistics: training": { color: "sky" },
    "moving statistics: prediction": { color: "vermilion" },
  });
  const means = figure.chart({ title: "Mean of the inputs", x: "batch", y: "mean" });
  const spreads = figure.chart({ title: "Standard deviation of the inputs", x: "batch", y: "std" });
  const rows = figure.chart({ title: "The batch looked at", x: "value", y: "", height: 190, left: 72, wide: true });
  const ROWS = { 3: "input", 2: "training", 1: "prediction" };

  /** Return mean and standard deviation that the inputs of a batch are drawn with. */
  const truth = (batch, { change, before, after, spread }) => {
    const length = { jump: 1, drift: 100, stay: Infinity }[change];
    const share = Math.max(0, Math.min(1, (batch - CHANGE) / length));
    return { mean: before + share * (after - before), std: 1 + share * (spread - 1) };
  };

  return (values) => {
    const { statistics, updateMoving, normalize } = Formulas;
    const size = 2 ** values.size;
    const momentum = momentumOf(values.memory);
    const epsilon = Number(values.epsilon);
    const batches = d3.range(1, BATCHES + 1);
    const truths = batches.map((batch) => truth(batch, values));
    const inputs = (batch) => {
      const { mean, std } = truths[batch - 1];
      return normals.slice((batch - 1) * LARGEST, (batch - 1) * LARGEST + size).map((z) => mean + std * z);
    };
    const measured = batches.map((batch) => statistics(inputs(batch)));
    let [mean, variance] = [0, 1];
    const moving = measured.map((one) => {
      mean = updateMoving(mean, one.mean, momentum);
      variance = updateMoving(variance, one.variance, momentum);
      return { mean, variance };
    });
    const at = Math.round(values.batch) - 1;
    const x = Array.from(inputs(at + 1));
    const output = (by) => x.map((v) => normalize(v, values.gamma, values.beta, by, epsilon));
    const [training, prediction] = [output(measured[at]), output(moving[at])];

    const deviation = ({ variance }) => Math.sqrt(variance);
    for (const [chart, real, get] of [
      [means, (one) => one.mean, (one) => one.mean],
      [spreads, (one) => one.std, deviation],
    ]) {
      const every = [...truths.map(real), ...measured.map(get), ...moving.map(get)];
      const line = (numbers) => numbers.map((value, i) => [batches[i], value]);
      chart.draw({
        x: { range: [0, BATCHES] },
        y: { range: d3.nice(...d3.extent(every), 5) },
        lines: [
          { points: line(measured.map(get)), color: "sky", width: 1 },
          { points: line(truths.map(real)), color: "black", dash: "2 3" },
          { points: line(moving.map(get)), color: "vermilion" },
        ],
        dots: [
          { points: [[at + 1, get(measured[at])]], color: "sky", radius: 5 },
          { points: [[at + 1, get(moving[at])]], color: "vermilion", radius: 5 },
        ],
      });
    }
    const all = [...x, ...training, ...prediction];
    const row = (height, numbers, color) => ({
      points: numbers.map((v, i) => [v, height + 0.3 * (((i * 0.618) % 1) - 0.5)]), color, radius: 3,
    });
    rows.draw({
      x: { range: d3.nice(...d3.extent(all), 6) },
      y: { range: [0.5, 3.5], ticks: [1, 2, 3], format: (v) => ROWS[v] },
      dots: [row(3, x, "black"), row(2, training, "sky"), row(1, prediction, "vermilion")],
    });
    const both = (numbers) => {
      const { mean, variance } = statistics(numbers);
      return `mean ${number(mean)}, standard deviation ${number(Math.sqrt(variance))}`;
    };
    figure.say(
      `Batch ${at + 1}, of ${size}. Inputs: ${both(x)}. ` +
        `In training they leave with ${both(training)}; ` +
        `in prediction, by moving statistics of ${number(moving[at].mean)} and ` +
        `${number(deviation(moving[at]))}, with ${both(prediction)}. ` +
        `Of a jump, moving statistics have made up 90 % after ` +
        `${number(Math.ceil(Math.log(0.1) / Math.log(momentum)))} batches.`,
    );
    return { seed, size, momentum, epsilon, truths, measured, moving, x, training, prediction };
  };
});

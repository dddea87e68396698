// Monte Carlo dropout: one image, many random masks, and how the predictions of a small trained network
// scatter. Its weights, and the outputs of its first layer for the images, are stored beside this script.

"use strict";

Interactive.define("monte-carlo-dropout", (figure) => {
  const { slider, choice, make, number } = Interactive;
  const { rate: trained, classes, names, pixels, hidden, layers } = Interactive.data["monte-carlo-dropout"];
  const [first, second] = [hidden[0].length, layers[0].bias.length];
  const MOST = 1000; // samples
  const whole = (value) => value.toFixed(0);
  const percent = (value) => `${(100 * value).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;

  figure.controls({
    image: choice("Image", { ...names }, "3"),
    rate: slider("Dropout rate", { min: 0, max: 0.9, step: 0.01, value: trained, show: percent }),
    samples: slider("Samples", { min: 1, max: MOST, step: "any", value: 100, scale: "log", show: whole }),
  });
  let seed = 1;
  let masks = Formulas.uniforms(seed, MOST * (first + second));
  figure.buttons({
    "Draw other masks": () => {
      masks = Formulas.uniforms(++seed, MOST * (first + second));
      figure.update();
    },
    Reset: figure.reset,
  });
  figure.legend({
    "mean over the masks": { color: "vermilion" },
    "half and nine tenths of the samples": { color: "sky" },
    "dropout off": { color: "black" },
  });
  const chart = figure.chart({ title: "Probability of each class", x: "probability", y: "", height: 330, left: 82 });
  const settling = figure.chart({ title: "Mean, by number of samples", x: "samples", y: "probability", height: 330 });
  const canvas = make("canvas", { width: 28, height: 28, role: "img" });
  figure.panel.prepend(canvas);

  const show = (image) => {
    const context = canvas.getContext("2d");
    const data = context.createImageData(28, 28);
    [...atob(pixels[image])].forEach((letter, i) => {
      const grey = 255 - letter.charCodeAt(0);
      data.data.set([grey, grey, grey, 255], 4 * i);
    });
    context.putImageData(data, 0, 0);
    canvas.setAttribute("aria-label", names[image]);
  };

  /** Return the class probabilities; without random numbers dropout is off. */
  const predict = (image, rate, numbers) => {
    const { dense, dropout, softmax } = Formulas;
    const drop = (x, from) => (numbers ? dropout(x, numbers.subarray(from), rate) : x);
    const middle = dense(drop(hidden[image], 0), layers[0]).map((z) => Math.max(z, 0));
    return softmax(dense(drop(middle, first), layers[1]));
  };

  return (values) => {
    const image = Number(values.image);
    const samples = Math.round(values.samples);
    show(image);
    const plain = Array.from(predict(image, 0));
    const draws = d3.range(samples).map((t) =>
      predict(image, values.rate, masks.subarray(t * (first + second), (t + 1) * (first + second))));
    const shares = classes.map((_, c) => Float64Array.from(draws, (p) => p[c]));
    const means = shares.map((share) => d3.mean(share));
    const sorted = shares.map((share) => share.slice().sort());
    const quantile = (c, q) => d3.quantileSorted(sorted[c], q);
    const rows = classes.map((_, c) => classes.length - c);
    const bar = (c, low, high, width) => ({
      points: [[quantile(c, low), rows[c]], [quantile(c, high), rows[c]]], color: "sky", width,
    });
    chart.draw({
      x: { range: [0, 1] },
      y: { range: [0.4, classes.length + 0.6], ticks: rows, format: (row) => classes[classes.length - row] },
      lines: [
        ...classes.flatMap((_, c) => [bar(c, 0.05, 0.95, 2), bar(c, 0.25, 0.75, 8)]),
        ...classes.map((_, c) => ({
          points: [[plain[c], rows[c] - 0.35], [plain[c], rows[c] + 0.35]], color: "black",
        })),
      ],
      dots: means.map((mean, c) => ({ points: [[mean, rows[c]]], color: "vermilion", radius: 4 })),
    });
    const top = d3.maxIndex(means);
    const running = [];
    shares[top].reduce((sum, share, t) => (running[t] = sum + share), 0);
    running.forEach((sum, t) => (running[t] = sum / (t + 1)));
    const spread = samples > 1 ? d3.deviation(shares[top]) : 0;
    const band = (side) => ({
      points: running.map((_, t) => [t + 1, means[top] + (side * 2 * spread) / Math.sqrt(t + 1)]),
      color: "grey", dash: "2 3", width: 1,
    });
    settling.draw({
      heading: `Mean of ${classes[top].toLowerCase()}, by number of samples`,
      x: { range: [1, Math.max(samples, 10)], log: true },
      y: { range: [0, 1] },
      lines: [band(1), band(-1), { points: running.map((mean, t) => [t + 1, mean]), color: "vermilion" }],
      dots: [{ points: [[samples, means[top]]], color: "vermilion", radius: 4 }],
    });
    const likely = d3.maxIndex(plain);
    figure.say(
      `${names[image]}. With dropout off: ${classes[likely].toLowerCase()}, ${percent(plain[likely])}. ` +
        `Mean of ${samples} ${samples > 1 ? "samples" : "sample"} at rate ${percent(values.rate)}: ` +
        `${classes[top].toLowerCase()}, ${percent(means[top])}, standard deviation ${number(spread, 2)}, ` +
        `standard error of the mean ${number(spread / Math.sqrt(samples), 2)}. ` +
        `In ${percent(d3.mean(draws, (p) => d3.maxIndex(p) === top))} of the samples this class comes first.`,
    );
    return { seed, samples, plain, means, spread, quartiles: classes.map((_, c) => [quantile(c, 0.25), quantile(c, 0.75)]) };
  };
});

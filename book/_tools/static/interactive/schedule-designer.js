// Every schedule of the package with its parameters, drawn over each other, and the line of code.

"use strict";

Interactive.define("schedule-designer", (figure) => {
  const { slider, choice, tick, make, number } = Interactive;
  const share = (value) => `${(100 * value).toFixed(0)} %`;
  const whole = (value) => value.toFixed(0);
  const part = (label, value, min = 0.02, max = 1) =>
    slider(label, { min, max, step: 0.01, value, show: share });

  figure.controls({
    rate: slider("Learning rate", { min: 1e-4, max: 1, step: 0.01, value: 0.1, scale: "log" }),
    total: slider("Steps of the training", { min: 100, max: 1e4, step: 0.01, value: 1000, scale: "log", show: whole }),
    scale: choice("Rates are drawn", { linear: "linearly", log: "logarithmically" }, "linear"),
  });

  // For each schedule: its name in the package, its line, its controls, and its arguments from them.
  // Numbers that are written into code are rounded first, so that line and drawing are the same.
  const round = (value) => Number(value.toPrecision(4));
  const decimal = (value) => (Number.isInteger(value) ? value.toFixed(1) : String(value)); // Keras wants 1.0, not 1
  const designs = {
    power: {
      name: "PowerDecay", text: "power", style: { color: "blue" }, on: true,
      controls: {
        s: part("Halved after", 0.2),
        c: slider("Power c", { min: 0.1, max: 3, step: 0.05, value: 1 }),
      },
      build: (rate, total, { s, c }) => ({ initial: rate, steps: Math.round(s * total), power: round(c) }),
      keras: ({ initial, steps, power }, total, line) =>
        power === 1
          ? `keras.optimizers.schedules.InverseTimeDecay(${decimal(initial)}, decay_steps=${steps}, decay_rate=1.0)`
          : `KerasSchedule(${line}, steps=${total})`,
    },
    exponential: {
      name: "ExponentialDecay", text: "exponential", style: { color: "vermilion", dash: "7 3" }, on: true,
      controls: {
        s: part("One factor every", 0.5),
        r: slider("Factor", { min: 0.01, max: 1, step: 0.01, value: 0.1 }),
      },
      build: (rate, total, { s, r }) => ({ initial: rate, steps: Math.round(s * total), rate: round(r) }),
      keras: ({ initial, steps, rate }) =>
        `keras.optimizers.schedules.ExponentialDecay(${decimal(initial)}, decay_steps=${steps}, decay_rate=${decimal(rate)})`,
    },
    piecewise: {
      name: "PiecewiseConstant", text: "piecewise constant", style: { color: "green", dash: "2 3" }, on: false,
      controls: {
        a: part("First drop after", 0.4, 0.05, 0.6),
        b: part("Second drop after", 0.8, 0.61, 0.95),
        f: slider("Factor", { min: 0.05, max: 0.9, step: 0.05, value: 0.2 }),
      },
      build: (rate, total, { a, b, f }) => ({
        boundaries: [Math.round(a * total), Math.round(b * total)],
        values: [rate, round(rate * f), round(rate * f * f)],
      }),
      keras: ({ boundaries, values }) =>
        "keras.optimizers.schedules.PiecewiseConstantDecay(" +
        `[${boundaries.join(", ")}], [${values.map(decimal).join(", ")}])`,
    },
    cycle: {
      name: "OneCycle", text: "1cycle", style: { color: "purple" }, on: true,
      controls: {
        d: slider("Starts at the rate over", { min: 2, max: 25, step: 1, value: 10, show: whole }),
        e: part("Annealing at the end", 0.1, 0.02, 0.5),
      },
      build: (rate, total, { d, e }) => ({ initial: round(rate / d), peak: rate, steps: total, last: round(e) }),
      keras: (_, total, line) => `KerasSchedule(${line}, steps=${total})`,
    },
    cosine: {
      name: "CosineDecay", text: "cosine", style: { color: "orange", dash: "9 3 2 3" }, on: true,
      controls: {
        s: part("Ends after", 1, 0.1),
        a: part("Ends at this share", 0, 0, 0.5),
      },
      build: (rate, total, { s, a }) => ({ initial: rate, steps: Math.round(s * total), alpha: round(a) }),
      keras: ({ initial, steps, alpha }) =>
        `keras.optimizers.schedules.CosineDecay(${decimal(initial)}, decay_steps=${steps}, alpha=${decimal(alpha)})`,
    },
    warmup: {
      name: "LinearWarmup", text: "warm-up, then cosine", style: { color: "sky", dash: "4 2" }, on: false,
      controls: { w: part("Warm-up", 0.1, 0.01, 0.5) },
      build: (rate, total, { w }) => {
        const steps = Math.max(1, Math.round(w * total));
        return { schedule: { initial: rate, steps: total - steps, alpha: 0 }, steps };
      },
      keras: ({ schedule, steps }) =>
        `keras.optimizers.schedules.CosineDecay(0.0, decay_steps=${schedule.steps}, ` +
        `warmup_target=${decimal(schedule.initial)}, warmup_steps=${steps})`,
    },
    plateau: {
      name: "ReduceOnPlateau", text: "performance", style: { color: "black", dash: "1 2" }, on: false,
      controls: {
        p: slider("Patience, of 50 epochs", { min: 1, max: 20, step: 1, value: 5, show: whole }),
        f: slider("Factor", { min: 0.05, max: 0.9, step: 0.05, value: 0.5 }),
      },
      build: (rate, _, { p, f }) => ({ initial: rate, factor: round(f), patience: p }),
      keras: ({ factor, patience }) =>
        `keras.callbacks.ReduceLROnPlateau(factor=${factor}, patience=${patience})`,
    },
  };
  const groups = {};
  for (const [key, { text, style, on, controls }] of Object.entries(designs)) {
    const specs = { [key]: tick(text, on, style) };
    for (const [letter, spec] of Object.entries(controls)) specs[`${key}-${letter}`] = spec;
    groups[key] = figure.controls(specs, text);
  }
  figure.controls({
    language: choice("As code for", { companion: "companion", keras: "Keras" }, "companion"),
  }, "Code");
  const chart = figure.chart({ title: "Learning rate", x: "step", y: "rate", height: 320 });
  const code = make("code");
  figure.place.append(make("pre", {}, code));
  const [copy] = figure.buttons({
    "Copy the code": async () => {
      await navigator.clipboard.writeText(code.textContent);
      copy.textContent = "Copied";
      setTimeout(() => (copy.textContent = "Copy the code"), 1500);
    },
    Reset: figure.reset,
  });

  // What performance scheduling reacts to: a loss that falls at first, then stays
  const EPOCHS = 50;
  const losses = d3.range(EPOCHS).map((epoch) => Math.max(Math.exp(-epoch / 8), 0.2));

  const literal = (value) =>
    Array.isArray(value) ? `[${value.join(", ")}]`
      : typeof value === "object" ? call("CosineDecay", value) : String(value);
  const call = (name, options) =>
    `${name}(${Object.entries(options).map(([key, value]) => `${key}=${literal(value)}`).join(", ")})`;

  /** Return the rate at each step. */
  const follow = (name, options, total, steps) => {
    const { schedules, reduceOnPlateau } = Formulas;
    if (name === "ReduceOnPlateau") {
      const rates = [options.initial, ...reduceOnPlateau(options, losses)];
      return steps.map((t) => rates[Math.floor((t * EPOCHS) / total)]);
    }
    if (name === "LinearWarmup") {
      options = { ...options, schedule: schedules.CosineDecay(options.schedule) };
    }
    return steps.map(schedules[name](options));
  };

  return (values) => {
    const rate = round(values.rate);
    const total = Math.round(values.total);
    const steps = [...new Set(d3.range(0, 501).map((i) => Math.round((i / 500) * (total - 1))))];
    const shown = [];
    for (const [key, design] of Object.entries(designs)) {
      const letters = Object.keys(design.controls);
      for (const control of [...groups[key].children].slice(1)) control.hidden = !values[key];
      if (!values[key]) continue;
      const own = Object.fromEntries(letters.map((letter) => [letter, values[`${key}-${letter}`]]));
      const options = design.build(rate, total, own);
      const line = call(design.name, options);
      shown.push({
        ...design, options, rates: follow(design.name, options, total, steps),
        line: values.language === "keras" ? design.keras(options, total, line) : line,
      });
    }
    const rates = shown.flatMap((one) => one.rates).filter((value) => value > 0);
    const top = d3.max(rates) ?? rate;
    const log = values.scale === "log";
    const low = 10 ** Math.floor(Math.log10(Math.max(d3.min(rates) ?? rate / 10, top * 1e-6)));
    chart.draw({
      x: { range: [0, total] },
      y: log ? { range: [low, top * 1.2], log } : { range: [0, top * 1.04] },
      lines: shown.map(({ rates, style }) => ({
        ...style,
        points: steps.map((t, i) => [t, log ? Math.max(rates[i], low / 10) : rates[i]]),
      })),
    });
    code.textContent = shown.map((one) => one.line).join("\n");
    figure.say(
      shown.length === 0
        ? "No schedule is ticked."
        : shown
            .map(({ text, rates: r }) => {
              const [first, middle, last] = [r[0], r[r.length >> 1], r.at(-1)].map((v) => number(v, 2));
              return `${text}: ${first} at the start, ${middle} halfway, ${last} at the end`;
            })
            .join("; ") + ".",
    );
    return {
      steps, total, losses, code: code.textContent,
      schedules: shown.map(({ name, options, rates, line }) => ({ name, options, rates, line })),
    };
  };
});

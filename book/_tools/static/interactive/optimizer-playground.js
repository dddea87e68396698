// Several optimizers descend one surface from one point: step by step, or played.

"use strict";

Interactive.define("optimizer-playground", (figure) => {
  const { slider, choice, tick, make, number, decades } = Interactive;
  const whole = (value) => value.toFixed(0);
  const LONGEST = 300; // steps of a path
  const EDGE = 2; // the surface is drawn from -2 to 2
  const clamp = (value) => Math.max(-EDGE, Math.min(EDGE, value));

  // Colours and dashes are those of companion.lab.plots
  const beta = (option, value, text) => ({ option, value, text });
  const optimizers = {
    gd: { name: "GradientDescent", text: "gradient descent", style: { color: "grey", dash: "2 3" }, on: true, rate: 1.5 },
    momentum: {
      name: "Momentum", text: "momentum", style: { color: "blue" }, on: true, rate: 0.2,
      second: beta("beta", 0.8, "Momentum: β"),
    },
    nesterov: {
      name: "Nesterov", text: "Nesterov", style: { color: "sky", dash: "7 3" }, on: false, rate: 0.5,
      second: beta("beta", 0.8, "Nesterov: β"),
    },
    adagrad: { name: "AdaGrad", text: "AdaGrad", style: { color: "orange", dash: "9 3 2 3" }, on: false, rate: 0.5 },
    rmsprop: {
      name: "RMSProp", text: "RMSProp", style: { color: "green", dash: "7 3" }, on: false, rate: 0.05,
      second: beta("rho", 0.9, "RMSProp: ρ"),
    },
    adam: {
      name: "Adam", text: "Adam", style: { color: "vermilion" }, on: true, rate: 0.1,
      second: beta("beta_1", 0.9, "Adam: β₁"),
    },
    adamax: {
      name: "AdaMax", text: "AdaMax", style: { color: "purple", dash: "2 3" }, on: false, rate: 0.1,
      second: beta("beta_1", 0.9, "AdaMax: β₁"),
    },
    nadam: {
      name: "Nadam", text: "Nadam", style: { color: "brown", dash: "7 3" }, on: false, rate: 0.1,
      second: beta("beta_1", 0.9, "Nadam: β₁"),
    },
    adamw: {
      name: "AdamW", text: "AdamW", style: { color: "black", dash: "9 3 2 3" }, on: false, rate: 0.1,
      second: beta("beta_1", 0.9, "AdamW: β₁"),
    },
  };
  const starts = { bowl: [-1.7, 1.1], rosenbrock: [-1.2, 1], saddle: [1.2, 0.01] };

  figure.controls({
    surface: choice("Surface", {
      bowl: "elongated bowl", rosenbrock: "Rosenbrock's valley", saddle: "saddle",
    }, "bowl"),
    kappa: slider("Condition number κ", { min: 1, max: 1000, step: "any", value: 30, scale: "log" }),
    turned: slider("Bowl turned by", { min: 0, max: 45, step: 1, value: 20, show: (v) => `${v}°` }),
    x: slider("Start: first weight", { min: -EDGE, max: EDGE, step: 0.01, value: starts.bowl[0] }),
    y: slider("Start: second weight", { min: -EDGE, max: EDGE, step: 0.01, value: starts.bowl[1] }),
    steps: slider("Steps", { min: 0, max: LONGEST, step: 1, value: 60, show: whole }),
  });
  const groups = {};
  for (const [key, { text, style, on, rate, second }] of Object.entries(optimizers)) {
    const specs = {
      [key]: tick(text, on, style),
      [`${key}-rate`]: slider(`${text[0].toUpperCase()}${text.slice(1)}: rate`, {
        min: 1e-4, max: 100, step: "any", value: rate, scale: "log",
      }),
    };
    if (second) {
      specs[`${key}-second`] = slider(second.text, { min: 0, max: 0.99, step: "any", value: second.value });
    }
    groups[key] = figure.controls(specs, text);
  }

  const ticked = (values) => Object.entries(optimizers).filter(([key]) => values[key]);
  const surfaceOf = ({ surface, kappa, turned }) => Formulas.surfaces[surface]({ kappa, turned });
  const optionsOf = ({ second }, key, values) => (second ? { [second.option]: values[`${key}-second`] } : {});

  /** Give each rule the rate, of 25, whose last ten points are lowest, the worst of them. */
  const tune = () => {
    const values = figure.values();
    const surface = surfaceOf(values);
    const steps = Math.max(20, values.steps);
    const changes = {};
    for (const [key, optimizer] of Object.entries(optimizers)) {
      const rule = Formulas.rules[optimizer.name](optionsOf(optimizer, key, values));
      let lowest = Infinity;
      for (let exponent = -4; exponent <= 2; exponent += 0.25) {
        const path = Formulas.descend(rule, surface.gradient, [values.x, values.y], 10 ** exponent, steps);
        const end = path.length <= steps ? Infinity : Math.max(...path.slice(-10).map(surface.cost));
        if (end < lowest) [lowest, changes[`${key}-rate`]] = [end, 10 ** exponent];
      }
    }
    figure.set(changes);
  };
  const bestByTheory = () => {
    const changes = {};
    for (const [key, { name, second }] of Object.entries(optimizers)) {
      const theory = Formulas.bowlRates[name]?.(figure.values().kappa).best;
      if (theory) changes[`${key}-rate`] = theory.rate;
      if (theory && second) changes[`${key}-second`] = theory.beta;
    }
    figure.set(changes);
  };

  let clock; // while the steps are played
  const pause = () => {
    clearInterval(clock);
    clock = undefined;
    play.textContent = "Play";
  };
  const step = () => {
    const { steps } = figure.values();
    if (steps < LONGEST) figure.set({ steps: steps + 1 });
    else pause();
  };
  const [play, , , theoryButton] = figure.buttons({
    Play: () => {
      if (clock) return pause();
      if (figure.values().steps === LONGEST) figure.set({ steps: 0 });
      play.textContent = "Pause";
      clock = setInterval(step, 50);
    },
    Step: () => {
      pause();
      step();
    },
    "Best of 25 rates": tune,
    "Best by theory": bestByTheory,
    Reset: () => {
      pause();
      figure.reset();
    },
  });
  figure.panel.querySelector("select").addEventListener("input", ({ target }) => {
    const [x, y] = starts[target.value];
    figure.set({ x, y });
    tune();
  });

  const map = figure.chart({ title: "Surface and paths", x: "first weight", y: "second weight", height: 340 });
  const costs = figure.chart({ title: "Cost above the lowest", x: "step", y: "cost", height: 340 });
  const head = (text) => make("th", { scope: "col" }, text);
  const rows = make("tbody");
  const table = make("table", {},
    make("caption", {}, "Factor by which a step shrinks the distance to the minimum"),
    make("thead", {}, make("tr", {},
      ...["rule", "theory", "seen", "best", "at rate", "and β"].map(head))),
    rows);
  figure.place.append(table);

  // The start can be dragged
  const handle = map.svg.append("circle").attr("class", "handle").attr("r", 11);
  let scales;
  const drag = (event) => {
    const [x, y] = d3.pointer(event, map.svg.node());
    figure.set({ x: clamp(scales.xs.invert(x)), y: clamp(scales.ys.invert(y)) });
  };
  handle
    .on("pointerdown", (event) => {
      event.preventDefault();
      event.target.setPointerCapture(event.pointerId);
    })
    .on("pointermove", (event) => {
      if (event.target.hasPointerCapture(event.pointerId)) drag(event);
    });

  const CELLS = 81;
  const places = d3.range(CELLS).map((i) => (i / (CELLS - 1)) * 2 * EDGE - EDGE);
  const levels = d3.range(-3, 3, 0.5).map((exponent) => 10 ** exponent);
  const contours = d3.contours().size([CELLS, CELLS]).thresholds(levels);
  let drawn = {}; // the contours, and what they are of
  const contoursOf = (values, { cost, lowest }) => {
    const key = JSON.stringify([values.surface, values.kappa, values.turned]);
    if (drawn.key !== key) {
      drawn = { key, shapes: contours(places.flatMap((y) => places.map((x) => cost([x, y]) - lowest))) };
    }
    return drawn.shapes;
  };
  const outline = (shape, xs, ys) => {
    const at = (index) => ((index - 0.5) / (CELLS - 1)) * 2 * EDGE - EDGE;
    return shape.coordinates.flat().map((ring) =>
      `M${ring.map(([i, j]) => `${xs(at(i)).toFixed(1)},${ys(at(j)).toFixed(1)}`).join("L")}Z`).join("");
  };

  /** Return the mean factor by which the distance to 0 shrank, over the later half of a path. */
  const seen = (points) => {
    const half = points.length >> 1;
    const [middle, end] = [points[half], points.at(-1)].map(([x, y]) => Math.hypot(x, y));
    return (end / middle) ** (1 / (points.length - 1 - half));
  };

  return (values) => {
    const surface = surfaceOf(values);
    const bowl = values.surface === "bowl";
    const steps = Math.round(values.steps);
    for (const [key, group] of Object.entries(groups)) {
      for (const control of [...group.children].slice(1)) control.hidden = !values[key];
    }
    for (const name of ["kappa", "turned"]) {
      document.getElementById(`optimizer-playground-${name}`).parentElement.hidden = !bowl;
    }
    theoryButton.hidden = !bowl;
    const paths = ticked(values).map(([key, optimizer]) => {
      const options = optionsOf(optimizer, key, values);
      const rate = values[`${key}-rate`];
      const rule = Formulas.rules[optimizer.name](options);
      const points = Formulas.descend(rule, surface.gradient, [values.x, values.y], rate, steps);
      return { ...optimizer, options, rate, points, costs: points.map((p) => surface.cost(p) - surface.lowest) };
    });
    scales = map.draw({
      x: { range: [-EDGE, EDGE] },
      y: { range: [-EDGE, EDGE] },
      below: (group, xs, ys) => {
        group.selectAll("path").data(contoursOf(values, surface)).join("path").attr("class", "contour")
          .attr("d", (shape) => outline(shape, xs, ys));
      },
      lines: paths.map(({ style, points }) => ({ ...style, points })),
      dots: [
        { points: surface.minima, color: "black", radius: 4 },
        ...paths.map(({ style, points }) => ({ points: [points.at(-1)], color: style.color, radius: 4.5 })),
      ],
    });
    handle.attr("cx", scales.xs(values.x)).attr("cy", scales.ys(values.y)).raise();
    const drawnCosts = paths.flatMap((path) => path.costs).filter((cost) => cost > 1e-12 && cost < 1e4);
    costs.draw({
      x: { range: [0, Math.max(steps, 10)] },
      y: { range: decades(drawnCosts), log: true },
      lines: paths.map(({ style, costs: all }) => ({
        ...style, points: all.map((cost, t) => [t, cost]).filter(([, cost]) => cost > 0),
      })),
    });
    const theory = !bowl ? [] : paths.filter(({ name }) => name in Formulas.bowlRates).map((path) => {
      const { factor, best } = Formulas.bowlRates[path.name](values.kappa);
      const measured = path.points.length > 4 ? seen(path.points) : NaN;
      return { name: path.name, text: path.text, factor: factor(path.rate, path.options.beta), measured, best };
    });
    table.hidden = theory.length === 0;
    rows.replaceChildren(...theory.map(({ text, factor, measured, best }) =>
      make("tr", {}, make("th", { scope: "row" }, text),
        ...[factor, measured, best.factor, best.rate, best.beta].map((value) =>
          make("td", {}, value === undefined ? "–" : Number.isNaN(value) ? "…" : number(value))))));
    figure.say(
      paths.length === 0
        ? "No rule is ticked."
        : `After ${steps} steps the cost above the lowest is ` +
          paths.map(({ text, points, costs: all }) =>
            `${text} ${points.length > steps ? number(all.at(-1), 2) : `lost after ${points.length - 1} steps`}`,
          ).join("; ") + ".",
    );
    return { paths, theory };
  };
});

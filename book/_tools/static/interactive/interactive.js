// What all interactive figures share: controls that can be reached by keyboard, charts, and the
// sentence that says in words what is seen. A figure's own script calls Interactive.define(name, build);
// build(figure) makes controls and charts and returns draw(values), which draws and returns the numbers
// that it drew.

"use strict";

const Interactive = (() => {
  const figures = {};
  const data = {}; // by figure, what its own script finds beside it

  const define = (name, build) => (figures[name] = build);

  /** Make an element with attributes (functions are listeners) and children. */
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value === true) element.setAttribute(name, "");
      else if (value !== false) element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  };

  // Numbers as text

  const SUPERSCRIPT = Object.fromEntries([..."-0123456789"].map((c, i) => [c, "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"[i]]));
  const power = (exponent) =>
    "10" + [...String(Math.round(exponent))].map((c) => SUPERSCRIPT[c]).join("");

  /** Return a number with so many digits that count, as one writes it by hand. */
  const number = (value, digits = 3) => {
    if (!Number.isFinite(value)) return value > 0 ? "∞" : Number.isNaN(value) ? "undefined" : "−∞";
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size < 1e-3 || size >= 1e5) {
      const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
      return `${mantissa.replace("-", "−")} × ${power(Number(exponent))}`;
    }
    const places = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
    return value.toFixed(places).replace("-", "−");
  };

  // Controls: each has an element, a value that can be got and set, and the value it starts with

  /** A slider; with scale "log" it runs over the logarithm, so that each step is one factor. */
  const slider = (label, { min, max, step, value, scale = "linear", show = number }) => ({
    build(id, changed) {
      const log = scale === "log";
      const inward = log ? Math.log10 : (x) => x;
      const outward = log ? (x) => 10 ** x : (x) => x;
      const input = make("input", {
        id, type: "range", min: inward(min), max: inward(max), step,
      });
      const output = make("output", { for: id });
      const tell = () => {
        output.textContent = show(outward(input.valueAsNumber));
        input.setAttribute("aria-valuetext", output.textContent);
      };
      input.addEventListener("input", tell);
      input.addEventListener("input", changed);
      return {
        element: make("div", { class: "control" }, make("label", { for: id }, label), input, output),
        get: () => outward(input.valueAsNumber),
        set: (x) => {
          input.value = inward(x);
          tell();
        },
        start: value,
      };
    },
  });

  /** A choice of one among options, {value: text}. */
  const choice = (label, options, value) => ({
    build(id, changed) {
      const entries = Object.entries(options).map(([key, text]) => make("option", { value: key }, text));
      const select = make("select", { id, input: changed }, ...entries);
      return {
        element: make("div", { class: "control" }, make("label", { for: id }, label), select),
        get: () => select.value,
        set: (x) => (select.value = x),
        start: value,
      };
    },
  });

  /** A box to tick; a style {color, dash} shows the line that it stands for. */
  const tick = (label, value, style) => ({
    build(id, changed) {
      const input = make("input", { id, type: "checkbox", input: changed });
      const text = make("label", { for: id }, label);
      if (style) text.prepend(sample(style));
      return {
        element: make("div", { class: "control control-tick" }, input, text),
        get: () => input.checked,
        set: (x) => (input.checked = x),
        start: value,
      };
    },
  });

  /** A short piece of a line, as a legend has it. */
  const sample = ({ color, dash = "" }) => {
    const svg = d3.create("svg").attr("class", "sample").attr("aria-hidden", "true");
    svg.attr("width", 26).attr("height", 10).append("path").attr("d", "M1,5H25")
      .attr("class", `line stroke-${color}`).attr("stroke-dasharray", dash);
    return svg.node();
  };

  // Charts

  const HEIGHT = 260;
  const MARGIN = { top: 30, right: 24, bottom: 42, left: 58 };

  /** Return ticks of a logarithmic axis: whole powers of ten, seven at most. */
  const powers = (low, high) => {
    const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
    const every = Math.max(1, Math.ceil((to - from) / 6));
    return d3.range(Math.ceil(from / every) * every, to + 1, every).map((e) => 10 ** e);
  };

  /** Return limits of a logarithmic axis: whole powers of ten around the values, two at least. */
  const decades = (values) => {
    const logs = values.filter((v) => v > 0 && Number.isFinite(v)).map(Math.log10);
    if (!logs.length) return [0.1, 10];
    const [low, high] = [Math.min(...logs), Math.max(...logs)];
    let [from, to] = [Math.floor(low + 1e-9), Math.ceil(high - 1e-9)];
    while (to - from < 2) high - from > to - low ? to++ : from--;
    return [10 ** Math.max(from, -300), 10 ** Math.min(to, 300)];
  };

  /**
   * A chart in a figure. draw({x, y, lines, dots, below}) takes
   * x, y: {range: [low, high], log, ticks, format};
   * lines: [{points: [[x, y], ...], color, dash, width}]; dots: [{points, color, radius}];
   * below: a function that draws under the lines, given a group and both scales.
   */
  const chart = (parent, { title, x: xLabel, y: yLabel, height = HEIGHT, left = MARGIN.left, wide }) => {
    const holder = make("div", { class: wide ? "chart wide" : "chart" });
    parent.append(holder);
    const svg = d3.select(holder).append("svg").attr("role", "img").attr("aria-label", title);
    const clip = `clip-${++charts}`;
    const frame = svg.append("defs").append("clipPath").attr("id", clip).append("rect");
    const under = svg.append("g").attr("clip-path", `url(#${clip})`);
    const xAxis = svg.append("g").attr("class", "axis");
    const yAxis = svg.append("g").attr("class", "axis");
    const plot = svg.append("g").attr("clip-path", `url(#${clip})`);
    const heading = svg.append("text").attr("class", "title").attr("y", 16).text(title);
    const xText = svg.append("text").attr("text-anchor", "end").attr("class", "label").text(xLabel);
    const yText = svg.append("text").attr("class", "label").text(yLabel);

    const scaleOf = ({ range, log }, pixels) =>
      (log ? d3.scaleLog() : d3.scaleLinear()).domain(range).range(pixels).clamp(false);

    const axis = (make, scale, { log, ticks, format }, count) => {
      const made = make(scale).tickSizeOuter(0);
      if (ticks) made.tickValues(ticks);
      else if (log) made.tickValues(powers(...scale.domain()));
      else made.ticks(count);
      if (format) made.tickFormat(format);
      else if (log) made.tickFormat((v) => power(Math.log10(v)));
      return made;
    };

    const draw = ({ x, y, lines = [], dots = [], below, heading: text }) => {
      const width = holder.clientWidth;
      const small = innerWidth <= 600 ? 0.75 : 1; // on a phone the sliders need room as well
      const tall = small * height;
      const right = width - MARGIN.right;
      const [top, bottom] = [MARGIN.top, tall - MARGIN.bottom];
      svg.attr("width", width).attr("height", tall).attr("viewBox", `0 0 ${width} ${tall}`);
      frame.attr("x", left).attr("y", top - 2).attr("width", right - left).attr("height", bottom - top + 4);
      const [xs, ys] = [scaleOf(x, [left, right]), scaleOf(y, [bottom, top])];
      xAxis.attr("transform", `translate(0,${bottom})`).call(axis(d3.axisBottom, xs, x, width / 80));
      yAxis.attr("transform", `translate(${left},0)`)
        .call(axis(d3.axisLeft, ys, y, tall / 50).tickSizeInner(left - right).tickPadding(6));
      heading.attr("x", 0).text(text ?? title);
      xText.attr("x", right).attr("y", tall - 6);
      yText.attr("x", -top).attr("y", 12).attr("transform", "rotate(-90)").attr("text-anchor", "end");
      if (below) below(under, xs, ys);
      const limit = (v) => Math.max(-1e4, Math.min(1e4, v));
      const path = ({ points }) =>
        points.filter((p) => p.every(Number.isFinite))
          .map((p, i) => `${i ? "L" : "M"}${limit(xs(p[0])).toFixed(1)},${limit(ys(p[1])).toFixed(1)}`)
          .join("");
      plot.selectAll("path").data(lines).join("path").attr("d", path)
        .attr("class", (line) => `line stroke-${line.color}`)
        .attr("stroke-dasharray", (line) => line.dash ?? null)
        .attr("stroke-width", (line) => line.width ?? 2);
      const points = dots.flatMap((dot) => dot.points.map((p) => ({ ...dot, p })))
        .filter(({ p }) => p.every(Number.isFinite));
      plot.selectAll("circle").data(points).join("circle")
        .attr("cx", ({ p }) => limit(xs(p[0]))).attr("cy", ({ p }) => limit(ys(p[1])))
        .attr("r", ({ radius }) => radius ?? 3).attr("class", ({ color }) => `dot fill-${color}`);
      return { xs, ys, svg, width, height: tall };
    };
    return { draw, svg };
  };
  let charts = 0;

  // A figure: built when its place on the page is there, drawn when a control or its width changes

  const start = (place, build) => {
    const name = place.dataset.figure;
    const panel = make("div", { class: "controls", role: "group", "aria-label": "Parameters" });
    const drawing = make("div", { class: "charts" });
    const summary = make("p", { class: "summary", role: "status" });
    place.append(drawing, panel, summary);
    const controls = {};
    let draw;

    const values = () =>
      Object.fromEntries(Object.entries(controls).map(([key, control]) => [key, control.get()]));
    const set = (changes) => {
      for (const [key, value] of Object.entries(changes)) controls[key].set(value);
      update();
    };
    const charted = () => Math.min(...Array.from(drawing.children, (chart) => chart.clientWidth));
    const update = () => {
      // while it is folded away or the styles are on their way it has no width; it is drawn later
      if (!draw || charted() < 100) return;
      place.numbers = { ...values(), ...draw(values()) };
      drawing.classList.toggle("stays", drawing.offsetHeight < 0.55 * innerHeight);
    };
    const figure = {
      place, panel, drawing, update, set, values,
      chart: (options) => chart(drawing, options),
      /** Add controls; given a label they are a group of their own, which is returned. */
      controls(specs, label) {
        const parent = label ? make("div", { class: "group", role: "group", "aria-label": label }) : panel;
        if (label) panel.append(parent);
        for (const [key, spec] of Object.entries(specs)) {
          controls[key] = spec.build(`${name}-${key}`, update);
          controls[key].set(controls[key].start);
          parent.append(controls[key].element);
        }
        return parent;
      },
      /** Say what the lines are, {text: style}. */
      legend(styles) {
        drawing.append(make("p", { class: "legend" }, ...Object.entries(styles).map(([text, style]) =>
          make("span", {}, sample(style), text))));
      },
      /** Add buttons, {text: what they do}. */
      buttons(actions) {
        const made = Object.entries(actions).map(([text, click]) =>
          make("button", { type: "button", click }, text));
        panel.append(make("div", { class: "buttons" }, ...made));
        return made;
      },
      reset() {
        for (const control of Object.values(controls)) control.set(control.start);
        update();
      },
      say: (text) => {
        if (summary.textContent !== text) summary.textContent = text;
      },
    };
    draw = build(figure);
    place.set = set;
    place.closest("figure").classList.add("live");
    update();
    let width = charted();
    const follow = new ResizeObserver(() => {
      if (charted() !== width) {
        width = charted();
        update();
      }
    });
    for (const chart of drawing.children) follow.observe(chart);
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const place of document.querySelectorAll(".interactive[data-figure]")) {
      const build = figures[place.dataset.figure];
      if (build) start(place, build);
    }
  });

  return { define, data, make, number, power, slider, choice, tick, sample, decades };
})();

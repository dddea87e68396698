// The formulas behind the interactive figures: those of the package, which tests compare with these.

"use strict";

const Formulas = (() => {
  // Activations: companion.activations

  const sigmoid = (z) => 1 / (1 + Math.exp(-z));
  const sigmoidSlope = (z) => {
    const e = Math.exp(-Math.abs(z));
    return e / (1 + e) ** 2;
  };
  const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
  const elu = (z, alpha) => (z > 0 ? z : alpha * Math.expm1(z));

  const SELU_ALPHA = 1.6732632423543772;
  const SELU_SCALE = 1.0507009873554805;

  // Shepherd and Laframboise's form, as in companion.activations._normal_cdf
  const NORMAL_TAIL = [
    -1.6332385248857972e-10, -1.0074604252759712e-10, 1.8893655039354733e-09,
    1.0031299879715714e-09, -1.3565110626582311e-08, -7.1636801030864469e-09,
    8.6805251896595505e-08, 6.6213961430537243e-08, -5.5386757420877087e-07,
    -7.9558252811864845e-07, 3.3362198231726934e-06, 9.952354237958437e-06,
    -1.1875134657297730e-05, -1.0897976618018600e-04, -1.5957388189616128e-04,
    5.9867534764464398e-04, 4.1590133601883232e-03, 1.3823727741762866e-02,
    3.3004073234068565e-02, 6.2706631334242757e-02, 9.9061123193995362e-02,
    1.3307650057801154e-01, 1.5383860995001258e-01,
  ];
  const normalCdf = (z) => {
    const t = 1 / (1 + 0.2 * Math.abs(z));
    const k = 2 * t - 1;
    let sum = 0;
    for (const coefficient of NORMAL_TAIL) sum = sum * k + coefficient;
    const tail = Math.exp(-0.5 * z * z) * t * sum;
    return z > 0 ? 1 - tail : tail;
  };
  const normalDensity = (z) => Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI);

  /** Each activation f(z, parameter) with its slope; a parameter has a default, as in the package. */
  const activations = {
    linear: { f: (z) => z, slope: () => 1 },
    sigmoid: { f: sigmoid, slope: sigmoidSlope },
    tanh: { f: Math.tanh, slope: (z) => 1 - Math.tanh(z) ** 2 },
    relu: { f: (z) => Math.max(z, 0), slope: (z) => (z > 0 ? 1 : 0) },
    leaky_relu: {
      f: (z, alpha = 0.01) => (z > 0 ? z : alpha * z),
      slope: (z, alpha = 0.01) => (z > 0 ? 1 : alpha),
    },
    elu: {
      f: (z, alpha = 1) => elu(z, alpha),
      slope: (z, alpha = 1) => (z > 0 ? 1 : alpha * Math.exp(z)),
    },
    selu: {
      f: (z) => SELU_SCALE * elu(z, SELU_ALPHA),
      slope: (z) => (z >= 0 ? SELU_SCALE : SELU_SCALE * SELU_ALPHA * Math.exp(z)),
    },
    softplus: { f: softplus, slope: sigmoid },
    gelu: {
      f: (z) => z * normalCdf(z),
      slope: (z) => normalCdf(z) + z * normalDensity(z),
    },
    swish: {
      f: (z, beta = 1) => z * sigmoid(beta * z),
      slope: (z, beta = 1) => sigmoid(beta * z) + beta * z * sigmoidSlope(beta * z),
    },
    mish: {
      f: (z) => z * Math.tanh(softplus(z)),
      slope: (z) => {
        const t = Math.tanh(softplus(z));
        return t + z * (1 - t * t) * sigmoid(z);
      },
    },
  };

  // Signals through depth: companion.lab.diagnostics

  /** Nodes and weights of Gauss and Legendre's quadrature on (-1, 1), by Newton's method. */
  const legendre = (n) => {
    const nodes = new Float64Array(n);
    const weights = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5));
      let slope = 1;
      for (let step = 0; step < 5; step++) {
        let [before, value] = [1, x];
        for (let k = 2; k <= n; k++) {
          [before, value] = [value, ((2 * k - 1) * x * value - (k - 1) * before) / k];
        }
        slope = (n * (x * value - before)) / (x * x - 1);
        x -= value / slope;
      }
      nodes[i] = x;
      weights[i] = 2 / ((1 - x * x) * slope * slope);
    }
    return { nodes, weights };
  };

  let halfNormal; // nodes in (0, 12), and the normal density times their weights

  /** Return E[g(std u)] for a standard normal u. */
  const gaussianMean = (g, std) => {
    if (!halfNormal) {
      const { nodes, weights } = legendre(400);
      const all = Array.from(nodes, (x, i) => [6 * (x + 1), 6 * weights[i]]);
      // beyond 7.5 lies 1e-13 of the density, and a third of the work
      const near = all.filter(([u]) => u < 7.5);
      halfNormal = {
        u: Float64Array.from(near, ([u]) => u),
        density: Float64Array.from(near, ([u, weight]) => weight * normalDensity(u)),
      };
    }
    const { u, density } = halfNormal;
    let sum = 0;
    for (let i = 0; i < u.length; i++) {
      sum += density[i] * (g(std * u[i]) + g(-std * u[i]));
    }
    return sum;
  };

  /**
   * Return mean squares layer by layer, for equal widths and inputs of mean square 1: of the weighted
   * sums and the activations, and of the gradient as a share of the top layer's.
   * factor: the standard deviation of the weights times the root of the width.
   */
  const signalTheory = (name, factor, layers) => {
    const { f, slope } = activations[name];
    const chi = factor * factor;
    const sums = [];
    const outputs = [];
    for (let layer = 0; layer < layers; layer++) {
      sums.push(chi * (layer === 0 ? 1 : outputs[layer - 1]));
      outputs.push(name === "linear" ? sums[layer] : gaussianMean((z) => f(z) ** 2, sums[layer] ** 0.5));
    }
    const gradients = new Array(layers).fill(1);
    for (let layer = layers - 2; layer >= 0; layer--) {
      gradients[layer] =
        gradients[layer + 1] * chi * gaussianMean((z) => slope(z) ** 2, sums[layer] ** 0.5);
    }
    return { sums, outputs, gradients };
  };

  // Schedules: companion.schedules, the same names and arguments; each returns a function of the step

  const schedules = {
    PowerDecay: ({ initial, steps, power }) => (t) => initial / (1 + t / steps) ** power,
    ExponentialDecay: ({ initial, steps, rate }) => (t) => initial * rate ** (t / steps),
    PiecewiseConstant: ({ boundaries, values }) => (t) => {
      const index = boundaries.findIndex((boundary) => t <= boundary);
      return values.at(index); // after the last boundary the index is -1: the last value
    },
    OneCycle: ({ initial, peak, steps, last }) => {
      const end = steps - 1;
      const cycle = (1 - last) * end;
      const points = [0, cycle / 2, cycle, end];
      const rates = [initial, peak, initial, initial / 1000];
      return (t) => {
        const i = points.findIndex((point) => t < point);
        if (i < 0) return rates[3];
        const share = (t - points[i - 1]) / (points[i] - points[i - 1]);
        return rates[i - 1] + share * (rates[i] - rates[i - 1]);
      };
    },
    CosineDecay: ({ initial, steps, alpha }) => (t) =>
      initial * (alpha + ((1 - alpha) * (1 + Math.cos(Math.PI * Math.min(t / steps, 1)))) / 2),
    LinearWarmup: ({ schedule, steps, initial = 0 }) => (t) =>
      t >= steps ? schedule(t - steps) : initial + ((schedule(0) - initial) * t) / steps,
  };

  /** Return ReduceOnPlateau's rate after each measurement of a metric. */
  const reduceOnPlateau = ({ initial, factor, patience }, metrics) => {
    let [rate, best, wait] = [initial, Infinity, 0];
    return metrics.map((metric) => {
      if (metric < best - 1e-4) [best, wait] = [metric, 0];
      else if (++wait >= patience) [rate, wait] = [rate * factor, 0];
      return rate;
    });
  };

  // Optimizers: companion.optimizers, the same names and arguments, for one weight. init gives the
  // state before the first step, update(g, state, weight, t, rate) the step and the next state.

  const rules = {
    GradientDescent: () => ({ init: [], update: (g, state, _, t, rate) => [rate * g, state] }),
    Momentum: ({ beta = 0.9 }) => ({
      init: [0],
      update: (g, [velocity], _, t, rate) => {
        const v = beta * velocity - rate * g;
        return [-v, [v]];
      },
    }),
    Nesterov: ({ beta = 0.9 }) => ({
      init: [0],
      update: (g, [velocity], _, t, rate) => {
        const v = beta * velocity - rate * g;
        return [rate * g - beta * v, [v]];
      },
    }),
    AdaGrad: ({ initial_accumulator_value = 0.1, epsilon = 1e-7 }) => ({
      init: [initial_accumulator_value],
      update: (g, [sum], _, t, rate) => {
        const s = sum + g ** 2;
        return [(rate * g) / Math.sqrt(s + epsilon), [s]];
      },
    }),
    RMSProp: ({ rho = 0.9, epsilon = 1e-7 }) => ({
      init: [0],
      update: (g, [mean], _, t, rate) => {
        const s = rho * mean + (1 - rho) * g ** 2;
        return [(rate * g) / Math.sqrt(s + epsilon), [s]];
      },
    }),
    Adam: ({ beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-7 }) => ({
      init: [0, 0],
      update: (g, [mean, square], _, t, rate) => {
        const m = beta_1 * mean + (1 - beta_1) * g;
        const s = beta_2 * square + (1 - beta_2) * g ** 2;
        const corrected = (rate * (1 - beta_2 ** t) ** 0.5) / (1 - beta_1 ** t);
        return [(corrected * m) / (Math.sqrt(s) + epsilon), [m, s]];
      },
    }),
    AdaMax: ({ beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-7 }) => ({
      init: [0, 0],
      update: (g, [mean, largest], _, t, rate) => {
        const m = beta_1 * mean + (1 - beta_1) * g;
        const s = Math.max(beta_2 * largest, Math.abs(g));
        return [((rate / (1 - beta_1 ** t)) * m) / (s + epsilon), [m, s]];
      },
    }),
    Nadam: ({ beta_1 = 0.9, beta_2 = 0.999, epsilon = 1e-7 }) => ({
      init: [0, 0, 1],
      update: (g, [mean, square, before], _, t, rate) => {
        const mu = beta_1 * (1 - 0.5 * 0.96 ** t);
        const next = beta_1 * (1 - 0.5 * 0.96 ** (t + 1));
        const product = before * mu;
        const m = beta_1 * mean + (1 - beta_1) * g;
        const s = beta_2 * square + (1 - beta_2) * g ** 2;
        const ahead = (next / (1 - product * next)) * m + ((1 - mu) / (1 - product)) * g;
        return [(rate * ahead) / (Math.sqrt(s / (1 - beta_2 ** t)) + epsilon), [m, s, product]];
      },
    }),
    AdamW: ({ weight_decay = 0.004, ...options }) => {
      const { init, update } = rules.Adam(options);
      return {
        init,
        update: (g, before, weight, t, rate) => {
          const [step, state] = update(g, before, weight, t, rate);
          return [step + rate * weight_decay * weight, state];
        },
      };
    },
  };

  /** Surfaces over two weights: the cost, its gradient, and the cost at the lowest point. */
  const surfaces = {
    /** Half the sum of curvature times square, along axes that are turned by an angle (degrees). */
    bowl: ({ kappa, turned }) => {
      const [cos, sin] = [Math.cos((turned * Math.PI) / 180), Math.sin((turned * Math.PI) / 180)];
      const along = (x, y) => [cos * x + sin * y, cos * y - sin * x]; // flat, steep
      return {
        cost: ([x, y]) => {
          const [u, v] = along(x, y);
          return (u * u / kappa + v * v) / 2;
        },
        gradient: ([x, y]) => {
          const [u, v] = along(x, y);
          return [(cos * u) / kappa - sin * v, (sin * u) / kappa + cos * v];
        },
        lowest: 0,
        minima: [[0, 0]],
      };
    },
    rosenbrock: () => ({
      cost: ([x, y]) => (1 - x) ** 2 + 20 * (y - x * x) ** 2,
      gradient: ([x, y]) => [-2 * (1 - x) - 80 * x * (y - x * x), 40 * (y - x * x)],
      lowest: 0,
      minima: [[1, 1]],
    }),
    saddle: () => ({
      cost: ([x, y]) => (x * x - y * y) / 2 + y ** 4 / 4,
      gradient: ([x, y]) => [x, y ** 3 - y],
      lowest: -0.25,
      minima: [[0, 1], [0, -1]],
    }),
  };

  /** Return the points that a rule visits; the path ends where a weight leaves +-1000. */
  const descend = (rule, gradient, start, rate, steps) => {
    const points = [start];
    let states = start.map(() => rule.init);
    for (let t = 1; t <= steps; t++) {
      const point = points[t - 1];
      const slopes = gradient(point);
      const moves = point.map((weight, i) => rule.update(slopes[i], states[i], weight, t, rate));
      states = moves.map(([, state]) => state);
      const next = point.map((weight, i) => weight - moves[i][0]);
      if (!next.every((weight) => Math.abs(weight) < 1000)) break;
      points.push(next);
    }
    return points;
  };

  /** Return the modulus of the larger root of r**2 - b r + c. */
  const largerRoot = (b, c) => {
    const discriminant = b * b - 4 * c;
    return discriminant < 0 ? Math.sqrt(c) : (Math.abs(b) + Math.sqrt(discriminant)) / 2;
  };

  /**
   * In a bowl of curvatures 1 / kappa to 1: factor(rate, beta), by which a step shrinks the distance in the
   * long run, and the settings for which it is smallest.
   */
  const bowlRates = {
    GradientDescent: (kappa) => ({
      factor: (rate) => Math.max(Math.abs(1 - rate), Math.abs(1 - rate / kappa)),
      best: { rate: 2 / (1 + 1 / kappa), factor: (kappa - 1) / (kappa + 1) },
    }),
    Momentum: (kappa) => {
      const root = Math.sqrt(kappa);
      const factor = (root - 1) / (root + 1);
      return {
        factor: (rate, beta) =>
          Math.max(...[1, 1 / kappa].map((curvature) => largerRoot(1 + beta - rate * curvature, beta))),
        best: { rate: (2 / (1 + 1 / root)) ** 2, beta: factor ** 2, factor },
      };
    },
    Nesterov: (kappa) => {
      const root = Math.sqrt(3 * kappa + 1);
      return {
        factor: (rate, beta) =>
          Math.max(...[1, 1 / kappa].map((curvature) => {
            const left = 1 - rate * curvature;
            return largerRoot((1 + beta) * left, beta * left);
          })),
        best: { rate: 4 / (3 + 1 / kappa), beta: (root - 2) / (root + 2), factor: 1 - 2 / root },
      };
    },
  };

  // Batch normalization, of one feature: companion.batch_norm

  const mean = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const statistics = (batch) => {
    const center = mean(batch);
    return { mean: center, variance: mean(batch.map((x) => (x - center) ** 2)) };
  };
  const normalize = (x, gamma, beta, { mean, variance }, epsilon) =>
    (gamma * (x - mean)) / Math.sqrt(variance + epsilon) + beta;
  const updateMoving = (moving, batch, momentum) => momentum * moving + (1 - momentum) * batch;

  // Dropout: companion.dropout, in a network of three dense layers, ReLU and softmax

  /** Keep a unit where its number, uniform on [0, 1), is not below the rate; scale up what is kept. */
  const dropout = (x, numbers, rate) => x.map((v, i) => (numbers[i] >= rate ? v / (1 - rate) : 0));
  const dense = (x, { weights, bias }) => {
    const outputs = Float64Array.from(bias);
    for (let i = 0; i < x.length; i++) {
      if (x[i] === 0) continue;
      for (let j = 0; j < outputs.length; j++) outputs[j] += x[i] * weights[i * outputs.length + j];
    }
    return outputs;
  };
  const softmax = (z) => {
    const largest = Math.max(...z);
    const powers = z.map((v) => Math.exp(v - largest));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((v) => v / sum);
  };

  // Random numbers: those of a seed are the same on each page, and in the tests

  /** Return n numbers, uniform on [0, 1): a counter, mixed by mulberry32. */
  const uniforms = (seed, n) =>
    Float64Array.from({ length: n }, (_, i) => {
      let t = (seed + Math.imul(i + 1, 0x6d2b79f5)) | 0;
      t = Math.imul(t ^ (t >>> 15), t | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    });

  /** Return n standard normal numbers, by Box and Muller. */
  const normals = (seed, n) => {
    const u = uniforms(seed, 2 * n);
    return u.slice(0, n).map((v, i) => Math.sqrt(-2 * Math.log(1 - v)) * Math.cos(2 * Math.PI * u[n + i]));
  };

  return {
    activations, normalCdf, gaussianMean, signalTheory, schedules, reduceOnPlateau,
    rules, surfaces, descend, bowlRates,
    statistics, normalize, updateMoving,
    dropout, dense, softmax, uniforms, normals,
  };
})();

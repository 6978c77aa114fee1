"use strict";
// Scales and ticks by the rules of chart/scale.rs and chart/ticks.rs.

const axisOf = (text) => {
  const [kind, low, high, style] = text.split(" ");
  return { kind, low: Number(low), high: Number(high), style };
};

const shareOf = (axis, v) => {
  if (axis.kind === "log") return Math.log(v / axis.low) / Math.log(axis.high / axis.low);
  if (axis.kind === "rows") return (axis.high - v) / (axis.high - axis.low);
  return (v - axis.low) / (axis.high - axis.low);
};

const valueAt = (axis, share) => {
  if (axis.kind === "log") return axis.low * Math.exp(share * Math.log(axis.high / axis.low));
  if (axis.kind === "rows") return axis.high - share * (axis.high - axis.low);
  return axis.low + share * (axis.high - axis.low);
};

// Minor ticks without those that are labelled.
const unlabelled = (minor, major) =>
  minor.filter((m) => major.every((k) => Math.abs(m - k) > 1e-9 * Math.max(Math.abs(m), Math.abs(k))));

const linearTicks = (low, high) => {
  const raw = (high - low) / 5;
  const decade = Math.floor(Math.log10(raw));
  const [step, split] = [[1, 5], [2, 4], [5, 5], [10, 5]]
    .map(([m, split]) => [Number(`${m}e${decade}`), split])
    .find(([step]) => step >= raw * 0.999);
  const multiples = (step) => {
    const all = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * (high - low); k++) all.push(k * step);
    return all;
  };
  const major = multiples(step);
  return { major, minor: unlabelled(multiples(step / split), major) };
};

const logTicks = (low, high) => {
  const every = (mantissas, stride) => {
    const all = [];
    for (let decade = Math.floor(Math.log10(low)); decade <= Math.ceil(Math.log10(high)); decade++) {
      if (((decade % stride) + stride) % stride !== 0) continue;
      for (const m of mantissas) {
        const v = Number(`${m}e${decade}`);
        if (v >= low * (1 - 1e-9) && v <= high * (1 + 1e-9)) all.push(v);
      }
    }
    return all;
  };
  const decades = every([1], 1);
  const oneTwoFive = every([1, 2, 5], 1);
  const fine = every([1, 2, 3, 4, 5, 6, 7, 8, 9], 1);
  if (oneTwoFive.length < 3) return linearTicks(low, high);
  const [major, minor] =
    oneTwoFive.length <= 7 ? [oneTwoFive, fine]
    : decades.length <= 7 ? [decades, fine]
    : [every([1], Math.floor((decades.length - 1) / 7) + 1), decades];
  return { major, minor: unlabelled(minor, major) };
};

const ticksOf = (axis) => (axis.kind === "log" ? logTicks(axis.low, axis.high) : linearTicks(axis.low, axis.high));

const minus = (text) => text.replace("-", "\u2212");

const short = (v) => {
  if (!(v > 0) || !Number.isFinite(v)) return minus(String(v));
  const power = 10 ** (Math.floor(Math.log10(v)) - 2);
  const rounded = Math.round(v / power) * power;
  const [scale, suffix] = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]].find(([s]) => rounded >= s * (1 - 1e-12)) ?? [1, ""];
  return String(Number((rounded / scale).toPrecision(3))) + suffix;
};

const scientific = (v) => {
  const [mantissa, exponent] = v.toExponential(2).split("e");
  return minus(`${Number(mantissa)}e${Number(exponent)}`);
};

// The label of a tick: [text, raised text].
const tickWords = (style, v) => {
  if (style === "short") return [v === 0 ? "0" : short(v), ""];
  const size = Math.abs(v);
  if (v !== 0 && (style === "power" || size < 1e-4 || size >= 1e7)) {
    const [mantissa, exponent] = v.toExponential(1).split("e");
    const m = Number(mantissa);
    return [minus(Math.abs(m) === 1 ? `${m * 10}` : `${m}\u00d710`), minus(String(Number(exponent)))];
  }
  return [minus(String(Number(v.toPrecision(10)))), ""];
};

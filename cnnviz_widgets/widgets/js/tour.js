// @ts-check
// The grand tour (Asimov 1985): planes in a space of many dimensions, the way from one to the next, and axes that are dragged.

/** A plane: two orthonormal columns, one number a dimension. @typedef {[Float64Array, Float64Array]} Frame */

const dot = (/** @type {ArrayLike<number>} */ one, /** @type {ArrayLike<number>} */ other) => {
  let sum = 0;
  for (let at = 0; at < one.length; at++) sum += one[at] * other[at];
  return sum;
};

/** p a + q b. @param {Float64Array} a @param {Float64Array} b */
const mix = (a, p, b, q) => a.map((one, at) => p * one + q * b[at]);

/** (p, q, r) of the root of the symmetric matrix [[p, q], [q, r]], which has no eigenvalue below 0. */
function root(p, q, r) {
  const s = Math.sqrt(Math.max(0, p * r - q * q)), t = Math.sqrt(p + r + 2 * s) || 1;
  return [(p + s) / t, q / t, (r + s) / t];
}

/** The columns times [[p, q], [q, r]]. @param {Frame} frame @returns {Frame} */
const times = ([a, b], p, q, r) => [mix(a, p, b, q), mix(a, q, b, r)];

/** The nearest orthonormal columns: A (AᵀA)^−½. @param {Frame} frame @returns {Frame} */
export function orthonormal(frame) {
  const [p, q, r] = root(dot(frame[0], frame[0]), dot(...frame), dot(frame[1], frame[1])), d = p * r - q * q;
  return times(frame, r / d, -q / d, p / d);
}

/** A random plane, all equally likely. @param {() => number} random  0…1 @returns {Frame} */
export function randomFrame(dimensions, random = Math.random) {
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return orthonormal([Float64Array.from({ length: dimensions }, normal), Float64Array.from({ length: dimensions }, normal)]);
}

/** The plane in which all axes are as long, one after the other around: a frame from 3 dimensions on. @returns {Frame} */
export function star(dimensions) {
  const [a, b] = [Math.cos, Math.sin].map((of) => Float64Array.from({ length: dimensions }, (_, axis) => Math.sqrt(2 / dimensions) * of((2 * Math.PI * axis) / dimensions)));
  return [a, b];
}

/**
 * The shortest way from a plane to another, a geodesic: { angle, at(share) } with the frame there. Its end is the other
 * plane, turned in itself, and perhaps mirrored, so that the points move as little as can be.
 * @param {Frame} from
 * @param {Frame} to
 */
export function way(from, to) {
  const [p, q, r, s] = [dot(from[0], to[0]), dot(from[0], to[1]), dot(from[1], to[0]), dot(from[1], to[1])];
  // The singular value decomposition of the 2 × 2 matrix: its vectors lead to the principal angles between the planes.
  const sum = Math.atan2(r - q, p + s), difference = Math.atan2(r + q, p - s), left = (sum + difference) / 2, right = (difference - sum) / 2;
  const turn = (/** @type {Frame} */ [a, b], angle) => /** @type {Frame} */ ([mix(a, Math.cos(angle), b, Math.sin(angle)), mix(a, -Math.sin(angle), b, Math.cos(angle))]);
  const begin = turn(from, left), end = turn(to, right);
  const pairs = begin.map((one, at) => {
    const cosine = dot(one, end[at]), sign = Math.sign(cosine) || 1, rest = mix(end[at], sign, one, -Math.abs(cosine)), sine = Math.sqrt(dot(rest, rest));
    return { one, angle: Math.atan2(sine, Math.abs(cosine)), across: sine > 1e-9 ? rest.map((x) => x / sine) : rest };
  });
  return {
    angle: Math.max(...pairs.map(({ angle }) => angle)),
    /** @returns {Frame} */
    at(share) {
      const [a, b] = pairs.map(({ one, angle, across }) => mix(one, Math.cos(share * angle), across, Math.sin(share * angle)));
      return orthonormal(turn([a, b], -left)); // what is rounded off does not add up
    },
  };
}

/** From random plane to random plane, at a constant speed. */
export class Tour {
  /** @param {Frame} frame @param {() => number} random */
  constructor(frame, random = Math.random) {
    this.random = random;
    this.frame = frame;
    this.way = way(frame, frame);
    this.gone = 0; // radians of the way
    this.put(frame);
  }

  /** Go on from here. @param {Frame} frame */
  put(frame) {
    this.frame = frame;
    this.way = way(frame, randomFrame(frame[0].length, this.random));
    this.gone = 0;
  }

  /** @param {number} angle  radians */
  advance(angle) {
    this.gone += angle;
    if (this.gone >= this.way.angle) return this.put(this.way.at(1));
    this.frame = this.way.at(this.gone / this.way.angle);
  }
}

/**
 * The plane in which the end of an axis lies at (x, y), and the others move as little as can be.
 * @param {Frame} frame
 * @returns {Frame}
 */
export function dragged(frame, axis, [x, y]) {
  const length = Math.hypot(x, y), most = 1 - 1e-6; // a whole axis in the plane leaves nothing to turn it back by
  if (length > most) [x, y] = [(x * most) / length, (y * most) / length];
  const rest = /** @type {Frame} */ (frame.map((column) => column.map((one, at) => (at === axis ? 0 : one))));
  for (const [at, column] of rest.entries()) column[(axis + 2 - at) % column.length] += 1e-7; // were all of it this axis
  const [p, q, r] = root(1 - x * x, -x * y, 1 - y * y), made = times(orthonormal(rest), p, q, r); // the row's part of 1, taken out
  made[0][axis] = x;
  made[1][axis] = y;
  return made;
}

/**
 * Points (count, dimensions) seen in a plane, as x, y, x, y …
 * @param {Float32Array} points
 * @param {Frame} frame
 */
export function project(points, [a, b], into = new Float32Array((2 * points.length) / a.length)) {
  const dimensions = a.length;
  for (let at = 0, from = 0; at < into.length; at += 2, from += dimensions) {
    let x = 0, y = 0;
    for (let axis = 0; axis < dimensions; axis++) {
      const value = points[from + axis];
      x += value * a[axis];
      y += value * b[axis];
    }
    into[at] = x;
    into[at + 1] = y;
  }
  return into;
}

/**
 * Heights of words, moved so little as may be that of two that stand over each other one is so far below the other, and
 * none is below the end.
 * @param {number[]} heights
 * @param {[number, number][]} spans  where each begins and ends, from left to right
 */
export function apart(heights, spans, /** @type {number} */ least, /** @type {number} */ end) {
  const order = heights.map((_, at) => at).sort((a, b) => heights[a] - heights[b]), moved = [...heights];
  /** Those that come before a place, and stand over or under what is there. */
  const met = (/** @type {number} */ place) => order.slice(0, place).filter((other) => spans[other][0] < spans[order[place]][1] && spans[order[place]][0] < spans[other][1]);
  order.forEach((at, place) => (moved[at] = Math.max(moved[at], ...met(place).map((other) => moved[other] + least))));
  order.reverse().forEach((at, place) => (moved[at] = Math.min(moved[at], end, ...met(place).map((other) => moved[other] - least))));
  return moved;
}

/**
 * The inferno colour map (Smith & van der Walt 2015; CC0): perceptually uniform, readable in grey and with
 * colour-vision deficiencies. Sixteen of its colours, linear between them.
 */
const inferno = [
  [0, 0, 4],
  [12, 8, 38],
  [36, 12, 79],
  [66, 10, 104],
  [93, 18, 110],
  [120, 28, 109],
  [147, 38, 103],
  [174, 48, 92],
  [199, 62, 76],
  [221, 81, 58],
  [237, 105, 37],
  [248, 133, 15],
  [252, 165, 10],
  [250, 198, 45],
  [242, 230, 97],
  [252, 255, 164],
] as const;

/** Red, green and blue 0–255 of a value 0–1. */
export function infernoAt(value: number): [number, number, number] {
  const place = Math.min(1, Math.max(0, value)) * (inferno.length - 1);
  const low = inferno[Math.floor(place)] ?? inferno[0];
  const high = inferno[Math.ceil(place)] ?? low;
  const part = place - Math.floor(place);
  const mix = (channel: 0 | 1 | 2) => Math.round(low[channel] + (high[channel] - low[channel]) * part);
  return [mix(0), mix(1), mix(2)];
}

/** The map as a CSS gradient from 0 to 1, for a legend. */
export const infernoGradient = `linear-gradient(to right, ${inferno
  .map(([red, green, blue]) => `rgb(${red} ${green} ${blue})`)
  .join(', ')})`;

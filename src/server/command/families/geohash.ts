/** A place; degrees. */
export interface Place {
  readonly longitude: number;
  readonly latitude: number;
}

/** A cell of the grid that halves longitudes and latitudes `step` times. */
export interface Cell {
  readonly step: number;
  /** Number of the column from the west, of the row from the south. */
  readonly column: number;
  readonly row: number;
}

/** The region that a search is about, in meters. */
export type Shape = { readonly center: Place } & (
  | { readonly type: 'circle'; readonly radius: number }
  | { readonly type: 'box'; readonly width: number; readonly height: number }
);

export const MAX_LONGITUDE = 180;
/** Where a Mercator map is a square. */
export const MAX_LATITUDE = 85.05112878;
const MAX_STEP = 26;
const EARTH_RADIUS_M = 6372797.560856;
const MERCATOR_MAX_M = 20037726.37;
const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz';

/** The cell a place is in (source: geohashEncode of geohash.c). */
export function cellAt({ longitude, latitude }: Place, step: number, maxLatitude = MAX_LATITUDE): Cell {
  const side = 2 ** step;
  return {
    step,
    column: Math.floor(((longitude + MAX_LONGITUDE) / (2 * MAX_LONGITUDE)) * side) % 2 ** 32,
    row: Math.floor(((latitude + maxLatitude) / (2 * maxLatitude)) * side) % 2 ** 32,
  };
}

/** The bits of row and column in turn, the column's higher: cells near each other get numbers near each other. */
export function interleave({ step, column, row }: Cell): number {
  let bits = 0;
  for (let i = step; i >= 0; i--)
    bits = bits * 4 + (Math.floor(column / 2 ** i) % 2) * 2 + (Math.floor(row / 2 ** i) % 2);
  return bits;
}

/** The score of a place in a sorted set: 52 bits. */
export function scoreOf(place: Place): number {
  return interleave(cellAt(place, MAX_STEP));
}

/** The middle of the cell that a score stands for. */
export function placeOf(score: number): Place {
  let column = 0;
  let row = 0;
  // A place on the eastern or northern edge has a bit more, and what ZADD put there may have all.
  for (let i = 31; i >= 0; i--) {
    const pair = Math.floor(score / 4 ** i) % 4;
    column = column * 2 + (pair >> 1);
    row = row * 2 + (pair & 1);
  }
  const { west, east, south, north } = edgesOf({ step: MAX_STEP, column, row });
  return {
    longitude: Math.max(-MAX_LONGITUDE, Math.min(MAX_LONGITUDE, (west + east) / 2)),
    latitude: Math.max(-MAX_LATITUDE, Math.min(MAX_LATITUDE, (south + north) / 2)),
  };
}

function edgesOf({ step, column, row }: Cell): { west: number; east: number; south: number; north: number } {
  const side = 2 ** step;
  return {
    west: -MAX_LONGITUDE + (column / side) * (2 * MAX_LONGITUDE),
    east: -MAX_LONGITUDE + ((column + 1) / side) * (2 * MAX_LONGITUDE),
    south: -MAX_LATITUDE + (row / side) * (2 * MAX_LATITUDE),
    north: -MAX_LATITUDE + ((row + 1) / side) * (2 * MAX_LATITUDE),
  };
}

/** The geohash as others write it, which spans all latitudes: eleven letters, the last always 0. */
export function geohashText(place: Place): string {
  const bits = interleave(cellAt(place, MAX_STEP, 90));
  let text = '';
  for (let i = 1; i <= 10; i++) text += ALPHABET[Math.floor(bits / 2 ** (52 - i * 5)) % 32];
  return `${text}0`;
}

/** Meters between two places, on a sphere. */
export function distanceM(a: Place, b: Place): number {
  const v = Math.sin((radians(b.longitude) - radians(a.longitude)) / 2);
  if (v === 0) return latitudeDistanceM(a, b);
  const u = Math.sin((radians(b.latitude) - radians(a.latitude)) / 2);
  const h = u * u + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * v * v;
  return 2 * EARTH_RADIUS_M * Math.asin(Math.sqrt(h));
}

function latitudeDistanceM(a: Place, b: Place): number {
  return EARTH_RADIUS_M * Math.abs(radians(b.latitude) - radians(a.latitude));
}

/** Meters from the middle of a shape to a place in it; undefined for a place outside. */
export function distanceWithin(shape: Shape, place: Place): number | undefined {
  const { center } = shape;
  if (shape.type === 'box') {
    if (latitudeDistanceM(place, center) > shape.height / 2) return undefined;
    const beside = { longitude: center.longitude, latitude: place.latitude };
    return distanceM(place, beside) > shape.width / 2 ? undefined : distanceM(center, place);
  }
  const distance = distanceM(center, place);
  return distance > shape.radius ? undefined : distance;
}

/** Cells that cover a shape: the one of its middle and those of the eight around that matter, in Redis' order. */
export function coverShape(shape: Shape): Cell[] {
  const { center } = shape;
  const bounds = boundsOf(shape);
  const reach = shape.type === 'circle' ? shape.radius : Math.hypot(shape.width / 2, shape.height / 2);
  let cell = cellAt(center, stepForReach(reach, center.latitude));
  if (cell.step > 1 && !isCoveredAround(cell, bounds)) cell = cellAt(center, cell.step - 1);
  const { west, east, south, north } = edgesOf(cell);
  const isPruned = cell.step >= 2;
  const cells: Cell[] = [];
  for (const [dx, dy] of AROUND) {
    const isUseless =
      (dy < 0 && south < bounds.south) ||
      (dy > 0 && north > bounds.north) ||
      (dx < 0 && west < bounds.west) ||
      (dx > 0 && east > bounds.east);
    if (!isPruned || !isUseless) cells.push(neighbour(cell, dx, dy));
  }
  return cells;
}

/** Itself, north, south, east, west, then the corners. */
const AROUND = [
  [0, 0],
  [0, 1],
  [0, -1],
  [1, 0],
  [-1, 0],
  [1, 1],
  [-1, 1],
  [1, -1],
  [-1, -1],
] as const;

function neighbour({ step, column, row }: Cell, dx: number, dy: number): Cell {
  const side = 2 ** step;
  const beside = (at: number, by: number): number => (by === 0 ? at : (at + by + side) % side);
  // A place on the eastern or northern edge is in a cell that the grid has not, and only a step aside leads back.
  return { step, column: beside(column, dx), row: beside(row, dy) };
}

function isCoveredAround(cell: Cell, bounds: ReturnType<typeof edgesOf>): boolean {
  return (
    edgesOf(neighbour(cell, 0, 1)).north >= bounds.north &&
    edgesOf(neighbour(cell, 0, -1)).south <= bounds.south &&
    edgesOf(neighbour(cell, 1, 0)).east >= bounds.east &&
    edgesOf(neighbour(cell, -1, 0)).west <= bounds.west
  );
}

/** The edges of a shape, at the side nearer to a pole, where it spans more longitudes. */
function boundsOf(shape: Shape): ReturnType<typeof edgesOf> {
  const { longitude, latitude } = shape.center;
  const height = shape.type === 'circle' ? shape.radius : shape.height / 2;
  const width = shape.type === 'circle' ? shape.radius : shape.width / 2;
  const latitudes = degrees(height / EARTH_RADIUS_M);
  const widest = latitude < 0 ? latitude - latitudes : latitude + latitudes;
  const longitudes = degrees(width / EARTH_RADIUS_M / Math.cos(radians(widest)));
  return {
    west: longitude - longitudes,
    east: longitude + longitudes,
    south: latitude - latitudes,
    north: latitude + latitudes,
  };
}

/** How fine a grid may be for nine cells to cover a reach (source: geohashEstimateStepsByRadius). */
function stepForReach(reach: number, latitude: number): number {
  if (reach === 0) return MAX_STEP;
  let step = 1;
  for (let grown = reach; grown < MERCATOR_MAX_M; grown *= 2) step++;
  step -= 2;
  if (Math.abs(latitude) > 66) step--;
  if (Math.abs(latitude) > 80) step--;
  return Math.max(1, Math.min(MAX_STEP, step));
}

function radians(angle: number): number {
  return angle * (Math.PI / 180);
}

function degrees(angle: number): number {
  return angle / (Math.PI / 180);
}

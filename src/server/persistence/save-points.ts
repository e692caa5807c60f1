export interface SavePoint {
  readonly seconds: number;
  readonly changes: number;
}

/** The pairs of config save. */
export function parseSavePoints(words: readonly string[]): SavePoint[] {
  const points: SavePoint[] = [];
  for (let i = 0; i + 1 < words.length; i += 2) {
    points.push({ seconds: Number(words[i]), changes: Number(words[i + 1]) });
  }
  return points;
}

/** Seconds to leave a disk alone after a save failed. */
const RETRY_SECONDS = 5;

export interface SaveMoment {
  readonly changes: number;
  readonly secondsSinceSave: number;
  readonly secondsSinceTry: number;
  readonly hasFailed: boolean;
}

/** The first save point that is reached, or undefined; after a failure only every few seconds. */
export function findDueSavePoint(points: readonly SavePoint[], moment: SaveMoment): SavePoint | undefined {
  if (moment.hasFailed && moment.secondsSinceTry <= RETRY_SECONDS) return undefined;
  return points.find(
    ({ seconds, changes }) => moment.changes >= changes && moment.secondsSinceSave > seconds,
  );
}

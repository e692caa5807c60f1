import { array, assert, double, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyHistogram } from '../../../src/server/command/latency-histogram.ts';

const durationsNs = array(integer({ min: 1, max: 1_000_000_000 }), { minLength: 1, maxLength: 200 });

function histogramOf(durations: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const ns of durations) histogram.record(ns, 1);
  return histogram;
}

describe('LatencyHistogram', () => {
  it('names its rows as redis-server does', () => {
    const powers = Array.from({ length: 31 }, (_, power) => 2 ** power);
    expect(histogramOf(powers).cumulative()).toEqual([
      [1, 11],
      [2, 12],
      [4, 13],
      [8, 14],
      [16, 15],
      [33, 16],
      [66, 17],
      [132, 18],
      [264, 19],
      [528, 20],
      [1056, 21],
      [2113, 22],
      [4227, 23],
      [8454, 24],
      [16908, 25],
      [33816, 26],
      [67633, 27],
      [135266, 28],
      [270532, 29],
      [541065, 30],
      [1073741, 31],
    ]);
  });

  it('gives percentiles that are at most a 128th too long, and never too short', () => {
    assert(
      property(durationsNs, double({ min: 0.1, max: 100, noNaN: true }), (durations, percent) => {
        const rank = Math.max(1, Math.floor((percent / 100) * durations.length + 0.5));
        const exact = durations.toSorted((a, b) => a - b)[rank - 1] ?? 0;
        const told = histogramOf(durations).percentileNs(percent);
        expect(told).toBeGreaterThanOrEqual(exact);
        expect(told).toBeLessThan(exact * (1 + 1 / 128) + 1);
      }),
    );
  });

  it('counts every call in its rows, several at once too', () => {
    assert(
      property(durationsNs, integer({ min: 1, max: 50 }), (durations, calls) => {
        const histogram = new LatencyHistogram();
        for (const ns of durations) histogram.record(ns, calls);
        expect(histogram.total).toBe(durations.length * calls);
        expect(histogram.cumulative().at(-1)?.[1]).toBe(histogram.total);
      }),
    );
  });

  it('takes what is out of its range as its ends, and forgets when told', () => {
    const histogram = histogramOf([0, 0.4, 5e9]);
    expect(histogram.percentileNs(0)).toBe(1);
    expect(histogram.percentileNs(100)).toBe(1_002_438_655);
    histogram.reset();
    expect(histogram.total).toBe(0);
    expect(histogram.cumulative()).toEqual([]);
    expect(histogram.percentileNs(50)).toBe(0);
  });
});

import { describe, expect, it } from 'vitest';
import {
  formatDouble,
  formatDoubleAtFullPrecision,
  formatShortest,
} from '../../../src/server/resp/double.ts';

/** What Redis 7.2.6 answers: to ZSCORE, to ZSCAN of a large sorted set, and what it mixes into DEBUG DIGEST. */
describe('a double', () => {
  it.each([
    [0, '0', '0', '0'],
    [-0, '-0', '-0', '-0'],
    [3, '3', '3', '3'],
    [-1.5, '-1.5', '-1.5', '-1.5'],
    [0.1, '0.1', '0.10000000000000001', '0.1'],
    [300, '300', '300', '300'],
    [1e10, '10000000000', '10000000000', '1e+10'],
    [1e17, '100000000000000000', '1e+17', '1e+17'],
    [123456789012345680, '123456789012345680', '1.2345678901234568e+17', '123456789012345680'],
    [3e18, '3000000000000000000', '3e+18', '3e+18'],
    [5e18, '5e+18', '5e+18', '5e+18'],
    [1e22, '1e+22', '1e+22', '1e+22'],
    [1e-7, '1e-7', '9.9999999999999995e-08', '1e-7'],
    [0.00001234, '1.234e-5', '1.234e-05', '1.234e-5'],
    [0.0125, '0.0125', '0.012500000000000001', '0.0125'],
    [1234567.1234567892, '1.2345671234567892e+6', '1234567.1234567892', '1.2345671234567892e+6'],
    [1700649896.106536, '1700649896.106536', '1700649896.1065359', '1700649896.106536'],
    [-1.5e-300, '-1.5e-300', '-1.5000000000000001e-300', '-1.5e-300'],
    [Infinity, 'inf', 'inf', 'inf'],
    [-Infinity, '-inf', '-inf', '-inf'],
  ])('%f', (value, reply, full, shortest) => {
    expect([formatDouble(value), formatDoubleAtFullPrecision(value), formatShortest(value)]).toEqual([
      reply,
      full,
      shortest,
    ]);
  });
});

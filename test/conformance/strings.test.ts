import { conformance } from './conformance.ts';

const { same } = conformance();

same('SET and GET', ['set a 1', 'get a', 'get b', 'set a', 'get', 'SeT a x', 'GET a', 'set "" ""', 'get ""']);
same('INCR and DECR', ['incr n', 'incr n', 'decr n', 'set n x', 'incr n']);

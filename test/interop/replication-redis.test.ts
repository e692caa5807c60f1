import { describe } from 'vitest';
import { describeReplicationWith } from './replication-suite.ts';

describe('replication with redis', () => describeReplicationWith('redis'));

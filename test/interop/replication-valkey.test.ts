import { describe } from 'vitest';
import { describeReplicationWith } from './replication-suite.ts';

describe('replication with valkey', () => describeReplicationWith('valkey'));

export { EXIT_CODES, ReplctlError, type ErrorCode } from './errors.ts';
export type { Topology, NodeSpec } from './topology/model.ts';
export type { Finding, FindingCode, Severity } from './compare/finding.ts';

import type { Finding } from '../compare/finding.ts';
import { drawBranches } from './draw-branches.ts';
import { drawColumns, type Column } from './draw-columns.ts';
import { formatBytes, formatCount, formatDuration } from './format-quantity.ts';
import type { NodeReport, StatusReport } from './status-report.ts';
import type { Theme } from './theme.ts';

const COLUMNS: readonly Column[] = [
  { title: 'NODE', align: 'left' },
  { title: 'ROLE', align: 'left' },
  { title: 'ADDRESS', align: 'left' },
  { title: 'LINK', align: 'left' },
  { title: 'OFFSET', align: 'right' },
  { title: 'LAG', align: 'right' },
  { title: 'TO ROOT', align: 'right' },
  { title: 'SEEN', align: 'right' },
  { title: 'KEYS', align: 'right' },
  { title: 'MEMORY', align: 'right' },
  { title: 'PID', align: 'right' },
  { title: 'UPTIME', align: 'right' },
  { title: 'ENGINE', align: 'left' },
];

/** The live tree with its figures, then every finding with its evidence and the command that mends it. */
export function drawStatus(report: StatusReport, theme: Theme): string {
  const branches = drawBranches(report.nodes);
  const rows = report.nodes.map((node, index) => drawRow(node, theme.dim(branches[index] ?? ''), theme));
  const [titles = '', ...lines] = drawColumns(COLUMNS, rows);
  return [theme.dim(titles), ...lines, '', ...drawVerdict(report, theme)].join('\n');
}

function drawRow(node: NodeReport, branch: string, theme: Theme): string[] {
  const name = branch + (node.role === 'master' ? theme.strong(node.id) : node.id);
  const address = `${node.host.includes(':') ? `[${node.host}]` : node.host}:${node.port}`;
  const pid = node.pid === null ? '' : String(node.pid);
  if (node.state === 'down') {
    return [name, theme.bad('down'), address, '', '', '', '', '', '', '', pid, '', node.engine];
  }
  const isReplica = node.role === 'replica';
  return [
    name,
    isReplica ? 'replica' : theme.strong('master'),
    address,
    drawLink(node.link, theme),
    node.offset === null ? '' : String(node.offset),
    isReplica ? drawLag(node.lagToParentBytes) : '',
    isReplica ? drawLag(node.lagToRootBytes) : '',
    isReplica && node.lagSeconds !== null ? `${node.lagSeconds}s ago` : '',
    node.keys === null ? '' : String(node.keys),
    node.memoryBytes === null ? '' : formatBytes(node.memoryBytes),
    pid,
    node.uptimeSeconds === null ? '' : formatDuration(node.uptimeSeconds),
    `${node.engine} ${node.version ?? ''}`.trimEnd(),
  ];
}

function drawLink(link: NodeReport['link'], theme: Theme): string {
  if (link === null) return '';
  return link === 'up' ? theme.good('up') : link === 'syncing' ? theme.warn('syncing') : theme.bad('down');
}

function drawLag(bytes: number | null): string {
  return bytes === null ? '?' : formatBytes(bytes);
}

function drawVerdict(report: StatusReport, theme: Theme): string[] {
  const up = report.nodes.filter(({ state }) => state === 'up').length;
  const count = `${up} of ${formatCount(report.nodes.length, 'node')} up`;
  if (report.findings.length === 0) return [`${theme.good('healthy')}: ${count}, live equals declared`];
  const heading = report.isHealthy
    ? theme.good('healthy')
    : theme.bad(formatCount(report.findings.length, 'finding'));
  return [`${heading}: ${count}`, ...report.findings.flatMap((finding) => drawFinding(finding, theme))];
}

export function drawFinding(finding: Finding, theme: Theme): string[] {
  const color = { error: theme.bad, warning: theme.warn, info: theme.dim }[finding.severity];
  const evidence = Object.entries(finding.evidence).map(([name, value]) => `${name}=${String(value)}`);
  const lines = [
    `  ${color(finding.code)}${finding.node === null ? '' : ` ${finding.node}`}: ${finding.message}`,
  ];
  if (evidence.length > 0) lines.push(theme.dim(`    ${evidence.join(' ')}`));
  if (finding.mend !== null) lines.push(`    ${theme.strong('→')} ${finding.mend}`);
  return lines;
}

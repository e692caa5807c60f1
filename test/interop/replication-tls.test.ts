import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { freePorts } from '../support/free-ports.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { createCertificates, tlsFlags, whyNoTls } from '../support/test-certificates.ts';
import { awaitInSync, fillNode, follow, readDatasets, readInfo, startNode } from './replication-nodes.ts';
import type { ReplicationNode } from './replication-nodes.ts';

const missing = whyNoTls();
if (missing !== null) console.warn(`skipped: replication over TLS, since ${missing}`);

it.skipIf(missing !== null).each([
  ['bundled', 'redis', 'bundled'],
  ['redis', 'bundled', 'redis'],
] as const)(
  'replicates over TLS down the chain %s → %s → %s, and resumes after a cut',
  async (...engines) => {
    const certificates = mkdtempSync(path.join(tmpdir(), 'replctl-certificates-'));
    onTestFinished(() => rmSync(certificates, { recursive: true, force: true }));
    createCertificates(certificates);
    const ports = await freePorts(engines.length);
    const nodes: { node: ReplicationNode; tlsPort: number }[] = [];
    for (const [index, engine] of engines.entries()) {
      const tlsPort = ports[index] ?? 0;
      const node = await startNode(engine, tlsFlags(certificates, tlsPort));
      onTestFinished(() => node.stop());
      nodes.push({ node, tlsPort });
    }
    const [top, middle, leaf] = nodes;
    if (top === undefined || middle === undefined || leaf === undefined)
      throw new Error('three nodes wanted');
    const proxy = await startTcpProxy(top.tlsPort);
    onTestFinished(() => proxy.stop());
    await fillNode(top.node, 0);
    await follow(middle.node, proxy.port);
    await awaitInSync(top.node, [middle.node]);
    await follow(leaf.node, middle.tlsPort);
    await fillNode(top.node, 1);
    await awaitInSync(top.node, [middle.node, leaf.node]);

    const full = (await readInfo(top.node)).get('sync_full');
    proxy.close();
    await fillNode(top.node, 2);
    proxy.open();
    await awaitInSync(top.node, [middle.node, leaf.node]);
    const info = await readInfo(top.node);
    expect(info.get('sync_full')).toBe(full);
    expect(Number(info.get('sync_partial_ok'))).toBeGreaterThan(0);
    const [wanted, ...others] = await readDatasets([top.node, middle.node, leaf.node]);
    expect(wanted?.split('\n').length).toBeGreaterThan(100);
    expect(others).toEqual([wanted, wanted]);
  },
);

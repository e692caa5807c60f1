import { describe, expect, it } from 'vitest';
import { Propagation } from '../../../src/server/command/propagation.ts';

function record(): { readonly propagation: Propagation; readonly fed: string[] } {
  const propagation = new Propagation();
  const fed: string[] = [];
  propagation.replication = {
    feed: (db, buf, start, end) => {
      const [, , name = ''] = Buffer.from(buf).latin1Slice(start, end).split('\r\n');
      fed.push(`${String(db)} ${name}`);
    },
  };
  return { propagation, fed };
}

describe('propagation of a unit', () => {
  it('puts MULTI before the SELECT of its first command', () => {
    const { propagation, fed } = record();
    propagation.open();
    propagation.addCommand(9, ['SET', 'k', 'v']);
    propagation.addCommand(3, ['DEL', 'k']);
    propagation.close();
    expect(fed).toEqual(['-1 MULTI', '9 SET', '3 DEL', '-1 EXEC']);
  });

  it('wraps nothing when it is one command', () => {
    const { propagation, fed } = record();
    propagation.open();
    propagation.addCommand(9, ['SET', 'k', 'v']);
    propagation.close();
    expect(fed).toEqual(['9 SET']);
  });
});

import { describeFindings, describeMixedFindings } from '../support/findings-suite.ts';

describeFindings('valkey');
describeMixedFindings();

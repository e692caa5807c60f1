import { describeFindings } from '../support/findings-suite.ts';

describeFindings('bundled');

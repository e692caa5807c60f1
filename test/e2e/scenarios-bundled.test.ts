import { describeScenarios } from '../support/scenarios-suite.ts';

describeScenarios('bundled');

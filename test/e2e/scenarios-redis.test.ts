import { describeScenarios } from '../support/scenarios-suite.ts';

describeScenarios('redis');

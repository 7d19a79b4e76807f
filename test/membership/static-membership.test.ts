import { StaticMembership } from '../../src/membership/static-membership.ts';
import { membershipConformance } from '../conformance/membership.ts';

membershipConformance('StaticMembership', async (nodes) => ({
  membership: new StaticMembership(nodes),
}));

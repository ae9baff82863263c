import type { Edit } from './engine.ts';

/** A fault planted in the engine, which the simulation has to find. */
export interface PlantedBug {
  readonly title: string;
  readonly edits: readonly Edit[];
  /** The class of faults under which it shows soonest; or where anything or nothing goes wrong. */
  readonly under: number | 'mixed' | 'calm';
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    title: 'whoever takes a run over does not keep the former worker out', under: 20,
    edits: [
      { file: 'sync/pass.ts', from: 'lease.run.id, lease.fence, changes)', to: 'lease.run.id, (await world.costCodes.get(lease.company, changes[0]?.id ?? ""))?.run?.fence ?? 0, changes.map((one) => ({ ...one, version: null })))' },
    ],
  },
  {
    title: 'a requestid is used again for other content', under: 2,
    edits: [{ file: 'sync/pass.ts', from: 'record.intent !== null && record.intent.contentHash === write.contentHash', to: 'record.intent !== null' }],
  },
  {
    title: 'an unknown outcome is not looked up before it is sent again', under: 10,
    edits: [{ file: 'sync/pass.ts', from: 'if (unknown.length > 0) await look(push, unknown);', to: '' }],
  },
  {
    title: 'what a lost answer did is not recognised', under: 2,
    edits: [{ file: 'sync/pass.ts', from: '(record) => record.run.look && record.intent !== null)', to: '() => false)' }],
  },
  {
    title: 'the intent is not stored before sending', under: 19,
    edits: [{ file: 'sync/pass.ts', from: 'await world.intents.store(lease.company, batch);', to: '' }],
  },
  {
    title: 'what a worker sent before it died is not taken over', under: 19,
    edits: [{ file: 'sync/push.ts', from: 'await world.costCodes.adopt(company, run.id, fence, batch);', to: '' }],
  },
  {
    title: 'what was sent is noted after its records have changed hands', under: 19,
    edits: [{ file: 'sync/push.ts', from: '  await adoptSent(world, lease);\n  await world.costCodes.refence(company, run.id, fence);', to: '  await world.costCodes.refence(company, run.id, fence);\n  await adoptSent(world, lease);' }],
  },
  {
    title: 'what was sent is forgotten before its answers are stored', under: 19,
    edits: [{ file: 'sync/pass.ts', from: '  await storeAnswers(push, intended, answer);\n  await world.intents.drop(lease.company, batch);', to: '  await world.intents.drop(lease.company, batch);\n  await storeAnswers(push, intended, answer);' }],
  },
  {
    title: 'what was sent is forgotten where the code changed in Linarc meanwhile', under: 2,
    edits: [{ file: 'sync/pass.ts', from: 'await write(push, changed.map(', to: 'void (changed.map(' }],
  },
  {
    title: 'a refusal is judged by its text', under: 12,
    edits: [{ file: 'core/outcome.ts', from: 'fault.code === null ? undefined : REACTIONS[fault.code]', to: 'fault.message === "Stale Object Error" ? undefined : REACTIONS[fault.code ?? ""]' }],
  },
  {
    title: 'an unknown outcome counts as failed', under: 2,
    edits: [{ file: 'core/outcome.ts', from: "return { kind: 'look', problem: problem('gave_up', { value }), sameRequest: true };", to: "return { kind: 'rejected', problem: problem('gave_up', { value }) };" }],
  },
  {
    title: 'an unknown outcome counts as done', under: 1,
    edits: [{
      file: 'core/outcome.ts', from: "return { kind: 'look', problem: problem('gave_up', { value }), sameRequest: true };",
      to: "return { kind: 'applied', class: { id: '', syncToken: '0', name: value, fullyQualifiedName: value, parentId: null, active: true, createdAt: null, updatedAt: null } };",
    }],
  },
  {
    title: 'a stale SyncToken is not read again', under: 12,
    edits: [{ file: 'core/outcome.ts', from: "'5010': { do: 'look', as: 'keeps_changing' }", to: "'5010': { do: 'reject', as: 'keeps_changing' }" }],
  },
  {
    title: 'what is sent again gets a new requestid', under: 4,
    edits: [{ file: 'sync/pass.ts', from: 'const requestid = formerRequest(first) ?? world.random.hex(16);', to: 'const requestid = world.random.hex(16);' }],
  },
  {
    title: 'tokens are refreshed without a lease', under: 15,
    edits: [{ file: 'sync/tokens.ts', from: 'if (await world.companies.leaseRefresh(company, held.version, owner, REFRESH_LEASE)) {', to: '{' }],
  },
  {
    title: 'a new grant is stored after its token is used', under: 15,
    edits: [{
      file: 'sync/tokens.ts', from: 'if (await insisting(world, () => world.companies.saveGrant(company, version, grant))) return grant.accessToken;',
      to: 'void world.clock.sleep(40_000).then(() => world.companies.saveGrant(company, version, grant)).catch(() => {}); if (version >= 0) return grant.accessToken;',
    }],
  },
  {
    title: 'invalid_grant is believed at once', under: 20,
    edits: [{ file: 'sync/tokens.ts', from: 'if (now.version !== held.version) return now.grant.accessToken;\n  try {', to: 'try {' }, { file: 'sync/tokens.ts', from: 'const over = { version: held.version };', to: 'const over = {};' }],
  },
  {
    title: 'a new grant is given up when the database is away', under: 22,
    edits: [{ file: 'sync/tokens.ts', from: 'if (waited >= PATIENCE) throw error;', to: 'if (waited >= 0) throw error;' }],
  },
  {
    title: 'a 429 is not waited for', under: 4,
    edits: [{ file: 'core/outcome.ts', from: "'3001': { do: 'again', as: 'quickbooks_throttled', wait: MINUTE }", to: "'3001': { do: 'again', as: 'quickbooks_throttled', wait: 0 }" }],
  },
  {
    title: 'children are sent before their parents', under: 'calm',
    edits: [{ file: 'sync/push.ts', from: 'await passOver(push, level)', to: '(await passOver(push, level + 1)) + (await passOver(push, level))' }],
  },
  {
    title: 'what a worker counted before it died counts again', under: 19,
    edits: [{ file: 'sync/push.ts', from: 'const counts = run && (await counted(world, run));', to: 'const counts = run && null;' }, { file: 'sync/push.ts', from: 'const counts = await counted(world, run);', to: 'const counts = run.counts;' }],
  },
  {
    title: 'one company gets the books of another', under: 'calm',
    edits: [{ file: 'sync/classes.ts', from: 'return world.openBooks(', to: 'return (world as { books?: Books }).books ??= world.openBooks(' }],
  },
  {
    title: 'a code that changed in Linarc during the run is passed over', under: 26,
    edits: [{ file: 'sync/pass.ts', from: 'settlements.map(({ record, change }) => ({ id: record.id, version: record.version, change })));', to: 'settlements.map(({ record, change }) => ({ id: record.id, version: null, change })));' }],
  },
  {
    title: 'what somebody changed in QuickBooks is overwritten', under: 12,
    edits: [{ file: 'core/plan.ts', from: 'if (isDrifted(record, current) && record.overwrite !== current.syncToken) {', to: 'if (record.overwrite === "never") {' }],
  },
  {
    title: 'a read of all classes that fell short removes what it did not see', under: 'mixed',
    edits: [{ file: 'sync/classes.ts', from: 'for await (const page of books.classes(signal ? { signal } : {})) {\n    await world.classes.save(company, page);\n  }', to: 'try { for await (const page of books.classes(signal ? { signal } : {})) await world.classes.save(company, page); } catch {}' }],
  },
  {
    title: 'calls that nobody answers use up the tries of a record', under: 6,
    edits: [{ file: 'sync/pass.ts', from: '!isOutage(answer) || countsAsTry(intent, now)', to: 'true' }],
  },
  {
    title: 'a halted run does not go on after somebody reconnected', under: 17,
    edits: [{ file: 'sync/connect.ts', from: '  await resumeHalted(world, company.id);', to: '' }],
  },
];

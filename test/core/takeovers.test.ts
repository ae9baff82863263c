import { expect } from 'chai';
import type { StagedRecord } from '../../server/core/records.ts';
import { isFromSheet, sheetId, takeovers } from '../../server/core/stage.ts';
import { aClass, AT, entry, linkTo, record } from './sample.ts';

const SHEET = record({ linarcId: sheetId('03 30 00') });
const OWN = record({ linarcId: 'lin-1' });
const IN_RUN: StagedRecord['run'] = { id: 'r', fence: 1, attempts: 0, look: false, notBefore: null, was: 'needs_sync', consent: [] };

/** What becomes of the staged records, in short, when Linarc tells of these entries. */
function steps(entries: ReturnType<typeof entry>[], ...staged: StagedRecord[]): string[] {
  const standing = new Map(staged.map((one) => [one.linarcId, one]));
  return takeovers(entries, standing).map((one) => `${one.record.linarcId} ${one.step} ${one.linarcId}`);
}

describe('Records only a spreadsheet told of, when Linarc itself tells of the code', () => {
  it('are known by an id that Linarc never gives, the same however the code is written', () => {
    expect(isFromSheet(SHEET.linarcId)).to.equal(true);
    expect(isFromSheet('lin-1')).to.equal(false);
    expect(sheetId(' A  1 ')).to.equal(sheetId('a 1'));
  });

  it('take Linarc’s id, linked and excluded ones too', () => {
    const excluded = { by: 'Mara', byRule: false, reason: 'not ours', at: AT };
    for (const change of [{}, { link: linkTo(aClass()) }, { excluded }, { goneAt: AT }]) {
      expect(steps([entry({ code: '03  30 00' })], { ...SHEET, ...change })).to.deep.equal(['sheet:03 30 00 take lin-1']);
    }
  });

  it('wait while they are in a run', () => {
    expect(steps([entry()], { ...SHEET, run: IN_RUN })).to.deep.equal(['sheet:03 30 00 wait lin-1']);
  });

  it('give way where Linarc’s id is staged already, unless a class hangs on them', () => {
    expect(steps([entry()], SHEET, OWN)).to.deep.equal(['sheet:03 30 00 give_way lin-1']);
    expect(steps([entry()], { ...SHEET, link: linkTo(aClass()) }, OWN)).to.deep.equal([]);
    expect(steps([entry()], { ...SHEET, run: IN_RUN }, OWN)).to.deep.equal([]);
  });

  it('stay as they are where two entries have the code, or none can be read', () => {
    expect(steps([entry({}, 'lin-1'), entry({}, 'lin-2')], SHEET)).to.deep.equal([]);
    expect(steps([{ ...entry(), costCode: null, unreadable: 'it has no code' }], SHEET)).to.deep.equal([]);
    expect(steps([entry({ code: '04' })], SHEET)).to.deep.equal([]);
  });
});

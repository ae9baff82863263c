import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect } from 'chai';

import { CATEGORIES } from '../../../server/sandbox/linarc/records.ts';
import type { CostCode } from '../../../server/sandbox/linarc/records.ts';
import { Linarc } from './support.ts';

const MASTERFORMAT = '../shared/data/masterformat-2016.csv';

describe('Linarc sandbox: libraries', () => {
  let linarc: Linarc;
  let folder: string;

  before(async () => {
    linarc = await Linarc.start();
    folder = mkdtempSync(join(tmpdir(), 'linarc-library-'));
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await linarc.close();
  });

  describe('the sample', () => {
    let all: CostCode[];
    const repeated = (texts: string[]): string[] => [...new Set(texts.filter((text, index) => texts.indexOf(text) !== index))];
    /** The naming rule of linarc.md point 1, as far as the sample needs it. */
    const className = ({ costCode, costCodeName }: CostCode): string =>
      `${costCode} ${costCodeName}`.replaceAll(':', '-').replace(/\s+/g, ' ').trim().toLowerCase();

    before(async () => {
      await linarc.reset();
      all = await linarc.walk({ limit: '500' });
    });

    it('holds every category', () => {
      expect([...new Set(all.map(({ costTypeCategory }) => costTypeCategory))]).to.have.members([...CATEGORIES]);
    });

    it('covers the divisions of a builder', () => {
      const divisions = new Set(all.map(({ divisionCode }) => divisionCode));
      for (const division of ['01', '03', '09', '14', '21', '26', '33']) expect(divisions).to.include(division);
    });

    it('has locked codes, none of them inactive', () => {
      const locked = all.filter((each) => each.locked);
      expect(locked.length).to.be.greaterThan(10);
      expect(locked.filter(({ status }) => status === 'inactive')).to.deep.equal([]);
    });

    it('has one code twice', () => {
      expect(repeated(all.map(({ costCode }) => costCode))).to.deep.equal(['09 29 00']);
    });

    it('has one code without a name and one name without a code', () => {
      const odd = all.filter(({ costCode, costCodeName }) => costCode === '' || costCodeName === '');
      expect(odd.map(({ costCode, costCodeName }) => [costCode, costCodeName])).to.deep.equal([
        ['12 36 00', ''],
        ['', 'Returned material, not assigned'],
      ]);
    });

    it('has one name and one code that are longer than a class name', () => {
      expect(all.filter(({ costCodeName }) => costCodeName.length > 100)).to.have.length(1);
      expect(all.filter(({ costCode }) => costCode.length > 100)).to.have.length(1);
    });

    it('has a name with a colon and a tab', () => {
      expect(all.filter(({ costCodeName }) => /:.*\t/.test(costCodeName))).to.have.length(1);
    });

    it('has two different codes that would become one class', () => {
      expect(repeated(all.map(className))).to.deep.equal(['tm-20-n night crew premium']);
    });

    it('is the same after a reset', async () => {
      await linarc.remove(all[0]?.id ?? '');
      await linarc.reset();
      expect(await linarc.walk({ limit: '500' })).to.deep.equal(all);
    });
  });

  describe('a CSV file', () => {
    const load = (text: string | Buffer) => {
      const file = join(folder, 'library.csv');
      writeFileSync(file, text);
      return linarc.reset({ library: file });
    };

    it('keeps codes as text and quoted names whole', async () => {
      await load(
        '\ufeff"Code","label","level"\r\n"03 00 00","Concrete",1\r\n"03 30 00","Cast ""in place"", poured\n- two lines",2\r\n',
      );
      const [first, second] = await linarc.walk();
      expect([first?.costCode, first?.divisionName]).to.deep.equal(['03 00 00', 'Concrete']);
      expect([second?.costCodeName, second?.divisionCode, second?.divisionName]).to.deep.equal([
        'Cast "in place", poured\n- two lines',
        '03',
        'Concrete',
      ]);
    });

    it('leaves the division open where the code begins with no two digits', async () => {
      await load('code,label,level\nA-1,Night crew,1\n');
      expect((await linarc.walk())[0]).to.include({ divisionCode: null, divisionName: null });
    });

    for (const [what, text] of Object.entries({
      'other columns': 'number,title\n1,Concrete\n',
      'a quote that is never closed': 'code,label,level\n"03,Concrete,1\n',
      'a level that is none': 'code,label,level\n03,Concrete,top\n',
    })) {
      it(`is refused with ${what}, and the old library stays`, async () => {
        await linarc.reset({ codes: 7 });
        const { status, body } = await load(text);
        expect([status, (body as { error: { code: string } }).error.code]).to.deep.equal([422, 'invalid_library']);
        expect((await linarc.list()).total).to.equal(7);
      });
    }

    it('is refused when there is none', async () => {
      const { status, body } = await linarc.reset({ library: join(folder, 'missing.csv') });
      expect(status).to.equal(422);
      expect(JSON.stringify(body)).to.include('ENOENT');
    });

    if (existsSync(MASTERFORMAT)) {
      it('of MasterFormat comes in whole: 8,774 codes in 35 divisions', async () => {
        await linarc.reset({ library: MASTERFORMAT });
        const all = await linarc.walk({ limit: '500' });
        expect(all).to.have.length(8774);
        expect(all.find(({ costCode }) => costCode === '03 31 13')).to.include({ divisionCode: '03', divisionName: 'Concrete' });
        expect(new Set(all.map(({ divisionName }) => divisionName)).size).to.equal(35);
        expect(all.filter(({ costCode, costCodeName }) => `${costCode} ${costCodeName}`.length > 100)).to.have.length(13);
      });
    }
  });

  describe('50,000 made codes', () => {
    before(() => linarc.reset({ codes: 50_000 }));

    it('are unique, active and short enough to become classes', async () => {
      const all = await linarc.walk({ limit: '500' });
      expect(new Set(all.map(({ costCode }) => costCode)).size).to.equal(50_000);
      expect(
        all.every(
          ({ status, costCode, costCodeName }) =>
            status === 'active' && costCodeName !== '' && `${costCode} ${costCodeName}`.length <= 100,
        ),
      ).to.equal(true);
    });

    it('are paged as fast at the end as at the beginning', async () => {
      const took: number[] = [];
      let began = performance.now();
      await linarc.walk({ limit: '500' }, async () => {
        took.push(performance.now() - began);
        began = performance.now();
      });
      const median = (times: number[]): number => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
      expect(took).to.have.length(100);
      expect(median(took.slice(-40))).to.be.lessThan(3 * median(took.slice(0, 40)) + 5);
    });

    it('take an edit without a pause', async () => {
      const { items } = await linarc.list({ limit: '200' });
      const began = performance.now();
      for (const { id } of items) await linarc.edit(id, { costCodeName: 'Edited' });
      expect((performance.now() - began) / items.length).to.be.lessThan(25);
    });
  });

  for (const codes of [-1, 1.5, 200_001]) {
    it(`refuses to make ${codes} codes`, async () => {
      expect((await linarc.reset({ codes })).status).to.equal(422);
    });
  }

  it('can be empty', async () => {
    await linarc.reset({ codes: 0 });
    expect(await linarc.list()).to.deep.equal({ items: [], nextCursor: null, total: 0 });
  });
});

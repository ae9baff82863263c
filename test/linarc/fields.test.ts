import { expect } from 'chai';

import { readEntry } from '../../server/linarc/fields.ts';

const RECORD = {
  id: 'cc_1',
  costCode: '03 30 00',
  costCodeName: 'Cast-in-place concrete',
  costTypeCategory: 'FIELD',
  divisionCode: '03',
  divisionName: 'Concrete',
  status: 'active',
};
const READ = {
  code: '03 30 00',
  name: 'Cast-in-place concrete',
  taskType: 'FIELD',
  divisionCode: '03',
  divisionName: 'Concrete',
  active: true,
};

describe('Linarc: a raw record', () => {
  it('is read by the newest labels', () => {
    expect(readEntry(RECORD)).to.deep.equal({ linarcId: 'cc_1', raw: RECORD, costCode: READ, unreadable: null });
  });

  for (const [generation, raw] of Object.entries({
    older: {
      id: 'cc_1',
      taskCode: '03 30 00',
      taskName: 'Cast-in-place concrete',
      taskType: 'FIELD',
      taskCodeStatus: 'active',
      divisionCode: '03',
      divisionName: 'Concrete',
    },
    oldest: {
      id: 'cc_1',
      code: '03 30 00',
      name: 'Cast-in-place concrete',
      taskType: 'FIELD',
      status: 'Active',
      divisionCode: '03',
      divisionName: 'Concrete',
    },
    printed: {
      id: 'cc_1',
      'Cost Code': '03 30 00',
      'Task Name': 'Cast-in-place concrete',
      'TASK TYPE': 'FIELD',
      'Task Code Status': 'ACTIVE',
      division_code: '03',
      'Division Name': 'Concrete',
    },
  })) {
    it(`is read by the labels of the ${generation} generation`, () => {
      expect(readEntry(raw).costCode).to.deep.equal(READ);
    });
  }

  it('counts the newest label where several stand side by side', () => {
    expect(readEntry({ ...RECORD, taskCode: 'old', name: 'old' }).costCode).to.deep.equal(READ);
  });

  it('keeps texts as they were sent, blanks and leading zeros included', () => {
    expect(readEntry({ ...RECORD, costCode: ' 0330 ', costCodeName: 'A\t:B' }).costCode).to.include({
      code: ' 0330 ',
      name: 'A\t:B',
    });
  });

  it('takes missing texts as empty: that is for the naming rules to judge', () => {
    expect(readEntry({ id: 'cc_1', status: 'inactive', costCode: null }).costCode).to.deep.equal({
      code: '',
      name: '',
      taskType: '',
      divisionCode: '',
      divisionName: '',
      active: false,
    });
  });

  it('lets a task type through that is not known yet', () => {
    expect(readEntry({ ...RECORD, costTypeCategory: 'Equipment hire' }).costCode).to.include({ taskType: 'Equipment hire' });
  });

  for (const [why, change, reason] of [
    ['a code that is a number, since its leading zeros are lost', { costCode: 33000 }, 'the field “costCode” is not text'],
    ['a name that is a list', { costCodeName: ['x'] }, 'the field “costCodeName” is not text'],
    ['an unknown status', { status: 'on hold' }, 'the field “status” is neither active nor inactive'],
    ['a status that is no text', { status: true }, 'the field “status” is not text'],
  ] as const) {
    it(`cannot be read with ${why}, and is kept as it came`, () => {
      const raw = { ...RECORD, ...change };
      expect(readEntry(raw)).to.deep.equal({ linarcId: 'cc_1', raw, costCode: null, unreadable: reason });
    });
  }

  it('cannot be read without a status', () => {
    const { status: _status, ...raw } = RECORD;
    expect(readEntry(raw)).to.include({ costCode: null, unreadable: 'it has no status' });
  });

  for (const id of [undefined, null, 7, '', '../companies', 'a,b', 'x'.repeat(101)]) {
    it(`has no usable id with ${String(id).slice(0, 20)}`, () => {
      expect(readEntry({ ...RECORD, id })).to.include({ linarcId: null, costCode: null, unreadable: 'it has no usable id' });
    });
  }

  for (const item of [null, 'text', 7, ['x']]) {
    it(`is none when it is ${JSON.stringify(item)}`, () => {
      expect(readEntry(item)).to.deep.equal({
        linarcId: null,
        raw: { value: item },
        costCode: null,
        unreadable: 'it is not a record',
      });
    });
  }

  it('does no harm with a field named __proto__', () => {
    const entry = readEntry(JSON.parse('{"id":"cc_1","status":"active","__proto__":{"costCode":"planted"}}'));
    expect(entry.costCode).to.include({ code: '' });
  });
});

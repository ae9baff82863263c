import Mocha from 'mocha';

/** Mocha's own spec report, closed by the one plain line that people and CI read. */
export default class PlainSummary extends Mocha.reporters.Spec {
  epilogue() {
    super.epilogue();
    Mocha.reporters.Base.consoleLog(`${this.stats.passes} passed, ${this.stats.failures} failed`);
  }
}

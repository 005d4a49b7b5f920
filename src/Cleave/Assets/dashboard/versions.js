// The table of versions, and changing what is served after asking once more.

const element = (tag, text = '', name = '') => {
  const e = document.createElement(tag);
  e.textContent = text;
  if (name)
    e.className = name;
  return e;
};

const short = hash => hash.slice(0, 12);

/** Fills the table; only where something has changed, so that the keyboard stays where it is. */
export class Versions {
  constructor(change) {
    this.change = change;
    this.shown = '';
    this.dialog = document.getElementById('confirm');
    document.getElementById('rollback').addEventListener('click', () =>
      this.ask(`Let version ${short(this.state.rollback_to)} serve again, which served before?`, '/admin/rollback', {}));
  }

  show(state) {
    this.state = state;
    document.getElementById('versions').hidden = !state;
    const now = JSON.stringify(state);
    if (!state || now === this.shown)
      return;
    this.shown = now;
    document.getElementById('rollback').disabled = !state.rollback_to;
    document.getElementById('trial').textContent = trial(state.trial);
    const body = document.querySelector('#versions tbody'), focused = document.activeElement?.id;
    body.replaceChildren(...state.versions.map(v => this.row(v)));
    document.getElementById(focused)?.focus();
  }

  row(version) {
    const row = element('tr'), name = element('th');
    name.append(element('code', short(version.version)));
    const proven = version.modules.filter(m => m.certified).length;
    const certificates = element('td'), details = element('details');
    details.append(element('summary', `${proven} of ${version.modules.length} certified`));
    const list = element('ul');
    list.append(...version.modules.map(m => element('li', `${m.name} (${m.kind}): ${m.certificate || (m.certified === false ? 'not certified' : 'no certificate')}`)));
    details.append(list);
    certificates.append(details);
    const role = element('td');
    role.append(element('span', version.role, `badge ${version.role === 'serving' ? 'pass' : 'plain'}`));
    row.append(name, role, ...[version.running, version.requests, version.failures, `${version.mean_compute_ms} ms`].map(n => element('td', n, 'number')), certificates, this.actions(version));
    return row;
  }

  actions(version) {
    const cell = element('td');
    if (version.role === 'serving' || version.role === 'draining')
      return cell;
    const button = (what, question) => {
      const b = element('button', what[0].toUpperCase() + what.slice(1));
      b.type = 'button';
      b.id = `${what}-${version.version}`;
      b.setAttribute('aria-label', `${what} version ${short(version.version)}`);
      b.addEventListener('click', () => this.ask(question, `/admin/${what}`, { version: version.version }));
      return b;
    };
    cell.append(button('promote', `Let version ${short(version.version)} answer all requests from now on? Running requests finish on the version that they began with.`), ' ',
      button('unload', `Take version ${short(version.version)} out of memory?`));
    return cell;
  }

  ask(question, path, body) {
    this.dialog.querySelector('p').textContent = question;
    this.dialog.returnValue = '';
    this.dialog.onclose = () => this.dialog.returnValue === 'yes' && this.change(path, body);
    this.dialog.showModal();
  }
}

function trial(t) {
  if (!t)
    return '';
  if (t.mode === 'canary')
    return `Version ${short(t.version)} is a canary: it answers ${t.percent}% of the requests.`;
  if (t.mode === 'learn')
    return learning(t);
  const c = t.comparison;
  return `Version ${short(t.version)} is a shadow: ${c.equal} of its ${c.compared} answers equal those that were given; ${c.failed} failed, ${c.skipped} were left out.`;
}

function learning({ version, percent, learned }) {
  const points = x => `${x > 0 ? '+' : ''}${(100 * x).toFixed(1)}`;
  const known = learned.judged ? `It loses ${points(learned.low)} to ${points(learned.high)} points more than the serving version, by ${learned.judged} judged answers (${learned.tried} its own)` : 'No answer has been judged yet';
  const verdict = { 'open': '', 'as good': `: as good (within ${(100 * learned.risk).toFixed(1)} points)`, 'better': ': better', 'worse': ': worse, so it gets no more requests' }[learned.verdict];
  return `Version ${short(version)} is on trial: it answers ${percent.toFixed(1)}% of the requests, at most ${learned.most_percent}%. ${known}${verdict}.`;
}

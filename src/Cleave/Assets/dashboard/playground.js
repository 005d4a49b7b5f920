// Asks a module and says which one answered, and why.

const why = {
  named: 'the request named it',
  router: 'the router chose it',
  escalated: 'its module was too unsure, so the monolith answered',
};

export function playground(ask) {
  const form = document.getElementById('playground'), answer = document.getElementById('answer'), facts = document.getElementById('facts');
  form.addEventListener('submit', async event => {
    event.preventDefault();
    answer.textContent = '…';
    facts.replaceChildren();
    try {
      const response = await ask('/v1/chat/completions', { model: form.elements.module.value, messages: [{ role: 'user', content: form.elements.text.value }] });
      const body = await response.json();
      answer.textContent = response.ok ? body.choices[0].message.content : body.error.message;
      if (response.ok)
        facts.replaceChildren(...rows(response.headers, body.usage));
    } catch (e) {
      answer.textContent = `The server cannot be reached: ${e.message}`;
    }
  });
}

/** Offers the modules, and the router first where there is one. */
export function offer(modules) {
  const select = document.querySelector('#playground select');
  if ([...select.options].map(o => o.value).join('\n') === modules.join('\n'))
    return;
  const chosen = select.value;
  select.replaceChildren(...modules.map(m => new Option(m === 'auto' ? 'auto (the router decides)' : m, m)));
  if (modules.includes(chosen))
    select.value = chosen;
}

function rows(headers, usage) {
  const said = name => decodeURIComponent(headers.get(name) ?? '');
  const confidence = headers.get('x-cleave-confidence');
  const all = [
    ['Answered by', said('x-cleave-module')], ['Taken for', said('x-cleave-task')], ['Because', why[headers.get('x-cleave-route')]],
    ['Confidence', confidence && `${(100 * confidence).toFixed(1)}%`], ['Computed in', `${headers.get('x-cleave-compute-ms')} ms`],
    ['Tokens', `${usage.prompt_tokens} read, ${usage.completion_tokens} made`], ['Version', headers.get('x-cleave-version')?.slice(0, 12)],
  ];
  return all.filter(([, value]) => value).flatMap(([name, value]) => {
    const dt = document.createElement('dt'), dd = document.createElement('dd');
    [dt.textContent, dd.textContent] = [name, value];
    const row = document.createElement('div');
    row.append(dt, dd);
    return [row];
  });
}

// Events only: htmx fetches and swaps, this keeps the selection, opens sheets and cards, and puts times in the person's zone.
(() => {
  const $ = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const number = new Intl.NumberFormat('en-US');

  // Times: the markup holds UTC; the person sees their own zone, with UTC on hover.
  const dayAndTime = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });
  const withYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
  const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
  const dayWithYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
  const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

  const ago = (date) => {
    const minutes = Math.round((date - Date.now()) / 60000);
    if (minutes > -1) return 'just now';
    if (minutes > -60) return relative.format(minutes, 'minute');
    if (minutes > -1440) return relative.format(Math.round(minutes / 60), 'hour');
    return withYear.format(date);
  };
  const local = (time) => {
    const date = new Date(time.dateTime);
    const { style } = time.dataset;
    if (style === 'ago') return ago(date);
    if (style === 'clock') return clock.format(date);
    if (style === 'day') return (date.getFullYear() === new Date().getFullYear() ? day : dayWithYear).format(date);
    return (date.getFullYear() === new Date().getFullYear() ? dayAndTime : withYear).format(date);
  };
  const localise = (times = all('time[datetime]')) => {
    for (const time of times) {
      const text = local(time);
      if (time.textContent === text) continue;
      if (time.textContent.endsWith('UTC')) time.title = time.textContent;
      time.textContent = text;
    }
  };
  // While the page comes in, each time is changed before it is painted, so that nothing moves by it. For this the script is not deferred.
  const incoming = new MutationObserver((changes) => {
    const nodes = changes.flatMap(({ target, addedNodes }) => [target, ...addedNodes]);
    localise(new Set(nodes.filter((node) => node.localName === 'time')));
  });
  incoming.observe(document, { childList: true, subtree: true });

  // Selection: named records, or all that match but the exceptions. Records off the page are kept here and sent with the form.
  const chosen = { matching: null, ids: new Map(), except: new Map(), anchor: null };
  const rows = () => all('#rows > tbody > tr');
  const bar = () => $('selection');
  const filterNow = () => $('records')?.elements.filter.value ?? '';
  const isChosen = (id) => (chosen.matching === null ? chosen.ids.has(id) : !chosen.except.has(id));

  const choose = (row, on) => {
    const { id } = row.dataset;
    const into = chosen.matching === null ? chosen.ids : chosen.except;
    if (on === (chosen.matching === null)) into.set(id, 'syncs' in row.dataset);
    else into.delete(id);
  };
  const clear = () => {
    chosen.matching = null;
    chosen.ids.clear();
    chosen.except.clear();
  };
  const totals = () => {
    const syncs = (map) => [...map.values()].filter(Boolean).length;
    if (chosen.matching === null) return { count: chosen.ids.size, syncing: syncs(chosen.ids) };
    const { matching, syncing } = bar().dataset;
    return { count: matching - chosen.except.size, syncing: syncing - syncs(chosen.except) };
  };
  const words = () => {
    const matching = Number(bar().dataset.matching);
    const { count, syncing } = totals();
    if (count === 0) return `None selected of ${number.format(matching)}`;
    const here = rows().filter((row) => isChosen(row.dataset.id)).length;
    const elsewhere = count > here ? ` (${number.format(count - here)} not on this page)` : '';
    return `${number.format(count)} selected of ${number.format(matching)}${elsewhere} · ${number.format(syncing)} can sync`;
  };
  const paint = () => {
    if (!bar()) return;
    if (chosen.matching !== null && chosen.matching !== filterNow()) clear();
    const list = rows();
    for (const row of list) {
      const on = isChosen(row.dataset.id);
      const tick = row.querySelector('[name=id]');
      if (tick.checked === on && row.classList.contains('selected') === on) continue;
      tick.checked = on;
      row.classList.toggle('selected', on);
      row.querySelector('.serial').setAttribute('aria-pressed', String(on));
    }
    const on = list.filter((row) => isChosen(row.dataset.id)).length;
    const box = $('page-check');
    box.checked = on > 0 && on === list.length;
    box.indeterminate = on > 0 && on < list.length;
    $('scope').value = chosen.matching === null ? 'ids' : 'matching';
    const text = words();
    if ($('selected-words').textContent !== text) $('selected-words').textContent = text;
    $('clear').hidden = totals().count === 0;
  };
  const announce = (text) => {
    if ($('say').textContent !== text) $('say').textContent = text;
  };
  const change = (work) => {
    work();
    paint();
    announce($('selected-words').textContent);
  };
  const chooseAll = () => change(() => {
    clear();
    chosen.matching = filterNow();
  });
  /** Plain click takes one row alone, Ctrl or Cmd keeps the others, Shift takes all from the anchor. */
  const pick = (row, event) => change(() => {
    const list = rows();
    const { id } = row.dataset;
    const from = list.findIndex((other) => other.dataset.id === chosen.anchor);
    if (event.shiftKey && from >= 0) {
      if (!(event.ctrlKey || event.metaKey)) clear();
      const to = list.indexOf(row);
      for (const between of list.slice(Math.min(from, to), Math.max(from, to) + 1)) choose(between, true);
      return;
    }
    if (event.ctrlKey || event.metaKey) choose(row, !isChosen(id));
    else {
      const alone = isChosen(id) && totals().count === 1;
      clear();
      if (!alone) choose(row, true);
    }
    chosen.anchor = id;
  });
  const tick = (row, event) => change(() => {
    const on = event.target.checked;
    choose(row, on);
    const list = rows();
    const from = list.findIndex((other) => other.dataset.id === chosen.anchor);
    if (tick.shift && from >= 0) {
      const to = list.indexOf(row);
      for (const between of list.slice(Math.min(from, to), Math.max(from, to) + 1)) choose(between, on);
    }
    chosen.anchor = row.dataset.id;
  });

  document.addEventListener('formdata', (event) => {
    if (event.target.id !== 'records') return;
    const here = new Set(rows().map((row) => row.dataset.id));
    const [name, map] = chosen.matching === null ? ['id', chosen.ids] : ['except', chosen.except];
    for (const id of map.keys()) if (!here.has(id)) event.formData.append(name, id);
  });

  // A search has been asked for while it was typed; leaving the field must not ask again and close what was just opened.
  document.addEventListener('change', (event) => {
    if (event.target.id === 'q') event.stopPropagation();
  }, true);

  // Sheets: whatever htmx puts into the sheet opens it; focus goes back to what opened it.
  let opener = null;
  const openSheet = () => {
    const sheet = $('sheet');
    const content = $('sheet-body').firstElementChild;
    if (!content) return;
    if (!sheet.open) {
      opener = document.activeElement?.id ? document.activeElement.id : document.activeElement;
      sheet.showModal();
    }
    sheet.scrollTop = 0;
  };
  const closeSheet = () => $('sheet').open && $('sheet').close();

  // Cards open by hover and focus, and stay while the pointer is on them (WCAG 1.4.13); Escape and a click elsewhere close them.
  let closing = null;
  const showCard = (source) => {
    clearTimeout(closing);
    const card = $(source.dataset.card);
    if (!card || card.matches(':popover-open')) return;
    card.showPopover({ source });
  };
  const hideCardSoon = () => {
    clearTimeout(closing);
    closing = setTimeout(() => {
      for (const card of all('.card:popover-open')) if (!card.matches(':hover, :focus-within')) card.hidePopover();
    }, 250);
  };
  const near = (event, selector) => (event.target instanceof Element ? event.target.closest(selector) : null);
  document.addEventListener('pointerover', (event) => {
    if (event.pointerType === 'touch') return;
    const source = near(event, '[data-card]');
    if (source) showCard(source);
    else if (near(event, '.card')) clearTimeout(closing);
    else if (document.querySelector('.card:popover-open')) hideCardSoon();
  });
  document.addEventListener('focusin', (event) => {
    const source = near(event, '[data-card]');
    if (source && source.matches(':focus-visible')) showCard(source);
    else if (!near(event, '.card')) hideCardSoon();
  });

  document.addEventListener('click', (event) => {
    const row = near(event, '#rows > tbody > tr');
    if (near(event, '.serial')) return pick(row, event);
    if (near(event, '#select-all')) {
      event.preventDefault();
      return chooseAll();
    }
    if (near(event, '#clear')) {
      event.preventDefault();
      return change(clear);
    }
    if (near(event, '.close')) {
      if ($('sheet').contains(event.target)) {
        event.preventDefault();
        closeSheet();
      }
      return undefined;
    }
    if (event.target === $('sheet')) return closeSheet();
    const dismiss = near(event, '.dismiss');
    if (dismiss) {
      dismiss.closest('.notice').remove();
      return undefined;
    }
    const copy = near(event, '[data-copy]');
    if (copy) {
      navigator.clipboard?.writeText($(copy.dataset.copy).innerText).then(() => announce('Copied'), () => announce('Could not copy'));
      return undefined;
    }
    const menu = near(event, '.menu button, .menu a, .row-actions a');
    if (menu) menu.closest('[popover]:popover-open')?.hidePopover();
    return undefined;
  });
  document.addEventListener('click', (event) => { tick.shift = event.shiftKey; }, true);
  document.addEventListener('change', (event) => {
    if (event.target.name === 'id' && near(event, '#rows')) tick(near(event, '#rows > tbody > tr'), event);
    if (event.target.id === 'page-check') change(() => rows().forEach((row) => choose(row, event.target.checked)));
    if (near(event, '#picker-list')) pickUpTo(event.target, event.target.checked, tick.shift);
    if (event.target.id === 'picker-check') pickAll(event.target.checked);
  });

  // The picker: Shift takes all from the last one; what is picked on other pages goes along in the form.
  let lastPicked = null;
  const boxes = () => all('#picker-list [name=id]');
  const countPicks = () => {
    const words = $('picked-words');
    const elsewhere = Number(words.dataset.elsewhere);
    const picked = elsewhere + boxes().filter((box) => box.checked).length;
    words.textContent = `${number.format(picked)} picked${elsewhere === 0 ? '' : ` (${number.format(elsewhere)} not on this page)`}`;
    announce(words.textContent);
  };
  const pickUpTo = (box, on, ranged) => {
    const list = boxes();
    const [from, to] = [list.findIndex((other) => other.id === lastPicked), list.indexOf(box)];
    if (ranged && from >= 0) for (const between of list.slice(Math.min(from, to), Math.max(from, to) + 1)) between.checked = on;
    lastPicked = box.id;
    countPicks();
  };
  const pickAll = (on) => {
    for (const box of boxes()) box.checked = on;
    countPicks();
  };
  document.addEventListener('keydown', (event) => {
    const box = near(event, '#picker-list [name=id]');
    if (!box || !/^Arrow(Up|Down)$/.test(event.key)) return;
    event.preventDefault();
    const list = boxes();
    const next = list[list.indexOf(box) + (event.key === 'ArrowDown' ? 1 : -1)];
    next?.focus();
    if (!event.shiftKey || !next) return;
    if (lastPicked === null) lastPicked = box.id;
    box.checked = true;
    next.checked = true;
    pickUpTo(next, true, true);
  });

  // Keys (the same as views/staging/keys.ejs tells): they move from serial number to serial number, select, and press the row's buttons.
  const press = (element) => element && !element.disabled && element.click();
  const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
  const move = (row, key, extend) => {
    const list = rows();
    const next = list[Math.min(list.length - 1, Math.max(0, list.indexOf(row) + STEPS[key]))];
    next.querySelector('.serial').focus();
    if (!extend) return;
    chosen.anchor ??= row.dataset.id;
    pick(next, { shiftKey: true });
  };
  const onRow = (row, key) => {
    if (key === 'Enter') press(row.querySelector('[aria-label="Change History"]'));
    else if (key === 'm') press(row.querySelector('[aria-label="Manual Mapping"]'));
    else if (key === 'r') press(row.querySelector('.status.failed') ?? $('retry-selected'));
    else return false;
    return true;
  };
  const onPage = (key) => {
    if (key === '/') $('q')?.focus();
    else if (key === '?') press($('help'));
    else if (key === 'p') press($('preview-selected'));
    else if (key === 'r') press($('retry-selected'));
    else if (key === 'Escape' && bar() && totals().count > 0) change(clear);
    else return false;
    return true;
  };
  const onSerial = (row, event) => {
    if (event.key === ' ') pick(row, { shiftKey: event.shiftKey, ctrlKey: !event.shiftKey });
    else if (event.key in STEPS) move(row, event.key, event.shiftKey);
    else return false;
    return true;
  };
  document.addEventListener('keydown', (event) => {
    if (near(event, 'input:not([type=checkbox]), textarea, select') || $('sheet').open || document.querySelector('[popover]:popover-open:not(.card)')) return;
    const row = near(event, '#rows > tbody > tr');
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (event.ctrlKey || event.metaKey) {
      if (row && key === 'a') {
        event.preventDefault();
        if (rows().every((other) => isChosen(other.dataset.id))) chooseAll();
        else change(() => rows().forEach((other) => choose(other, true)));
      }
      return;
    }
    if (event.altKey || event.repeat && !(key in STEPS)) return;
    const serial = row && near(event, '.serial');
    const done = (serial && (onSerial(row, event) || onRow(row, key))) || (key !== 'Enter' && row && onRow(row, key)) || onPage(key);
    if (done) event.preventDefault();
  });

  // What opens a sheet is a link, as a thousand buttons outside their form cost the browser seconds; the space bar presses it all the same.
  document.addEventListener('keydown', (event) => {
    const link = event.key === ' ' && near(event, 'a[role=button]');
    if (!link) return;
    event.preventDefault();
    link.click();
  });

  // htmx: after every swap the new markup gets times and selection; failures to reach the server are said once.
  let reported = '';
  const trouble = () => {
    if ($('trouble').firstChild) return;
    const line = document.createElement('div');
    line.className = 'notice bad';
    line.append(Object.assign(document.createElement('p'), { textContent: 'Linarc Class Sync does not answer. Nothing is lost: what runs goes on, and this page keeps trying.' }));
    $('trouble').append(line);
  };
  document.addEventListener('htmx:after:swap', (event) => {
    localise();
    paint();
    // Where the answer itself named the target, it is a selector.
    const { target } = event.detail.ctx ?? {};
    const into = target?.id ?? String(target).slice(1);
    if (into === 'sheet-body') openSheet();
    else if (into === 'screen') closeSheet();
    const state = document.querySelector('[data-announce]')?.dataset.announce ?? '';
    if (state !== reported && (state || reported)) announce(state || 'Finished');
    reported = state;
  });
  // Addresses stay short: a filter field that says nothing is left out. What was synced or taken out is no longer selected.
  document.addEventListener('htmx:config:request', (event) => {
    const { request, sourceElement } = event.detail.ctx;
    if (sourceElement.id !== 'filters') return;
    const empty = Array.from(request.body).filter(([, value]) => value === '');
    for (const [name] of empty) request.body.delete(name);
  });
  document.addEventListener('htmx:before:swap', (event) => {
    const { request, response, hx } = event.detail.ctx;
    if (hx?.retarget === '#sheet-body') return; // It was not done yet: it takes a yes first.
    if (request?.method === 'POST' && response?.status < 400 && /^\/(runs|cost-codes\/(exclusions|inclusions|retries|decisions))$/.test(request.action)) clear();
  });
  document.addEventListener('htmx:error', (event) => {
    if (event.detail.ctx?.request) trouble();
  });
  document.addEventListener('htmx:after:request', (event) => {
    if (event.detail.ctx?.response?.status < 400) $('trouble').replaceChildren();
  });

  document.addEventListener('DOMContentLoaded', () => {
    incoming.disconnect();
    if (bar() && 'all' in bar().dataset) chosen.matching = filterNow();
    $('sheet').addEventListener('close', () => {
      $('sheet-body').replaceChildren();
      const back = typeof opener === 'string' ? $(opener) : opener;
      if (back?.isConnected) back.focus();
    });
    localise();
    paint();
    setInterval(localise, 30000);
  });
})();

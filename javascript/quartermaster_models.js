// The inventory of this server: search, filters, pages that the server cuts, and a selection.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const PAGE = 50;
    const STATES = ['verified', 'claimed', 'waiting', 'stale', 'corrected', 'conflict', 'unknown'];
    const COLUMNS = [
        ['name', 'Model'],
        ['type', 'Type'],
        ['ecosystem', 'Base model'],
        ['size', 'Size'],
        ['date', 'Changed'],
    ];

    function make(panel) {
        const { el, button, select, fill, debounce, empty, failed, during, say } = qm.dom;
        const { count } = qm.format;
        const asked = { q: '', type: '', ecosystem: null, state: '', group: '', sort: 'name', order: 'asc', offset: 0 };
        const chosen = new Map();
        let revision = null;
        let page = null;

        const search = el('input', {
            type: 'search',
            class: 'qm-search',
            placeholder: 'Search name, folder, trigger word, hash…',
            'aria-label': 'Search models',
            oninput: debounce(() => change({ q: search.value.trim() }), 200),
        });
        const type = select('Type', [['', 'All types']], '', (value) => change({ type: value }));
        const ecosystem = select('Ecosystem', [['*', 'All ecosystems']], '*', (value) =>
            change({ ecosystem: value === '*' ? null : value }),
        );
        const state = select('State', [['', 'Any state']], '', (value) => change({ state: value }));
        const group = select(
            'Group',
            [
                ['', 'All files'],
                ['duplicates', 'Duplicates'],
                ['same-weights', 'Same weights'],
            ],
            '',
            (value) => change({ group: value }),
        );
        const rescan = button(
            'Rescan',
            () =>
                during(rescan, async () => {
                    await qm.routes.post('scan');
                    say('Looking through the model folders.');
                    await qm.status.ask();
                }),
            { title: 'Look through the model folders now' },
        );
        const reset = button(
            'Clear filters',
            () => {
                search.value = '';
                change({ q: '', type: '', ecosystem: null, state: '', group: '' });
            },
            { class: 'qm-button qm-quiet', hidden: true },
        );
        const bulk = el('div', { class: 'qm-bulk', hidden: true, role: 'region', 'aria-label': 'Selection' });
        const body = el('div', { class: 'qm-list', 'aria-busy': 'true' });
        const pager = el('nav', { class: 'qm-pager', 'aria-label': 'Pages' });
        const detail = qm.detail.make({ onclose: () => split.classList.remove('qm-open'), onchange: () => load() });
        const split = el('div', { class: 'qm-split' }, el('div', { class: 'qm-main' }, body, pager), detail.node);
        panel.append(
            el('div', { class: 'qm-toolbar', role: 'search' }, search, type, ecosystem, state, group, reset, rescan),
            bulk,
            split,
        );
        panel.addEventListener('keydown', (event) => {
            if (event.key !== 'Escape' || !detail.close()) return;
            event.stopPropagation();
            event.preventDefault();
        });

        function change(what) {
            Object.assign(asked, { offset: 0 }, what);
            load();
        }

        const ask = qm.routes.latest((signal) =>
            qm.routes.get(
                'models',
                {
                    q: asked.q || null,
                    type: asked.type || null,
                    ecosystem: asked.ecosystem,
                    state: asked.state || null,
                    group: asked.group || null,
                    sort: asked.sort,
                    order: asked.order,
                    offset: asked.offset,
                    limit: PAGE,
                },
                signal,
            ),
        );

        async function load() {
            body.setAttribute('aria-busy', 'true');
            try {
                const answer = await ask();
                if (!answer) return;
                if (asked.offset && asked.offset >= answer.total) {
                    change({});
                    return;
                }
                page = answer;
                revision = answer.revision;
                draw();
            } catch (error) {
                body.replaceChildren(failed(error, load));
                pager.replaceChildren();
            }
            body.setAttribute('aria-busy', 'false');
        }

        function facets() {
            const options = (facet, all, value) => [
                all,
                ...Object.entries(facet)
                    .filter(([key, n]) => n || key === value)
                    .sort(([a], [b]) => a.localeCompare(b))
                    .map(([key, n]) => [key, `${key || 'unknown'} (${count(n)})`]),
            ];
            const { facets: found } = page;
            fill(type, options(found.type || {}, ['', 'All types'], asked.type), asked.type);
            fill(
                ecosystem,
                options(found.ecosystem || {}, ['*', 'All ecosystems'], asked.ecosystem),
                asked.ecosystem ?? '*',
            );
            fill(
                state,
                [['', 'Any state'], ...STATES.map((key) => [key, `${key} (${count(found.state?.[key])})`])],
                asked.state,
            );
            group.value = asked.group;
            reset.hidden = !(asked.q || asked.type || asked.ecosystem !== null || asked.state || asked.group);
        }

        function draw() {
            facets();
            drawBulk();
            if (!page.total) {
                body.replaceChildren(
                    reset.hidden
                        ? empty(
                              'No models yet',
                              'Put checkpoints, LoRAs or embeddings into the model folders; they appear here.',
                          )
                        : empty(
                              'Nothing matches',
                              'No model of this server fits the search and the filters.',
                              button('Clear filters', () => reset.click()),
                          ),
                );
                pager.replaceChildren();
                return;
            }
            const all = el('input', {
                type: 'checkbox',
                'aria-label': 'Select all on this page',
                checked: page.models.every((row) => chosen.has(row.path)),
            });
            all.addEventListener('change', () => {
                for (const row of page.models) all.checked ? chosen.set(row.path, row) : chosen.delete(row.path);
                draw();
            });
            const sorted = (key) =>
                asked.sort === key ? (asked.order === 'asc' ? 'ascending' : 'descending') : 'none';
            const head = COLUMNS.map(([key, title]) =>
                el(
                    'th',
                    { scope: 'col', 'aria-sort': sorted(key), class: `qm-col-${key}` },
                    el('button', {
                        type: 'button',
                        class: 'qm-sort',
                        text: title,
                        onclick: () =>
                            change({ sort: key, order: asked.sort === key && asked.order === 'asc' ? 'desc' : 'asc' }),
                    }),
                ),
            );
            body.replaceChildren(
                el(
                    'table',
                    { class: 'qm-table' },
                    el('thead', {}, el('tr', {}, el('th', { class: 'qm-col-pick', scope: 'col' }, all), ...head)),
                    el(
                        'tbody',
                        {},
                        page.models.map((row) =>
                            qm.row.make(row, { chosen, onpick: drawBulk, onopen: open, opened: detail.path() }),
                        ),
                    ),
                ),
            );
            drawPager();
        }

        function drawPager() {
            const last = Math.floor((page.total - 1) / PAGE) * PAGE;
            const shown = asked.offset + page.models.length;
            const go = (text, label, to, off) =>
                button(text, () => change({ offset: to }), {
                    'aria-label': label,
                    disabled: off,
                    class: 'qm-button qm-small',
                });
            pager.replaceChildren(
                go('«', 'First page', 0, asked.offset === 0),
                go('‹', 'Previous page', Math.max(0, asked.offset - PAGE), asked.offset === 0),
                el('span', {
                    text: `${count(asked.offset + 1)}–${count(shown)} of ${count(page.total)}`,
                }),
                go('›', 'Next page', asked.offset + PAGE, asked.offset >= last),
                go('»', 'Last page', last, asked.offset >= last),
            );
        }

        function drawBulk() {
            bulk.hidden = !chosen.size;
            const rows = [...chosen.values()];
            const hashes = rows.map((row) => row.sha256).filter(Boolean);
            const verify = button('Verify now', () =>
                during(verify, async () => {
                    await qm.routes.post('verify', { sha256: hashes });
                    say('They are read again now.');
                    await qm.status.ask();
                }),
            );
            const place = el('div', { class: 'qm-bulk-form' });
            const correct = button(
                'Correct…',
                () =>
                    qm.correction.open(place, hashes, rows.length, () => {
                        chosen.clear();
                        load();
                    }),
                { disabled: !hashes.length },
            );
            bulk.replaceChildren(
                el('strong', { text: `${count(chosen.size)} selected` }),
                correct,
                verify,
                button(
                    'Clear',
                    () => {
                        chosen.clear();
                        draw();
                    },
                    { class: 'qm-button qm-quiet' },
                ),
                place,
            );
        }

        function open(row, from) {
            split.classList.add('qm-open');
            for (const line of body.querySelectorAll('tr'))
                line.classList.toggle('qm-current', line.dataset.path === row.path);
            detail.open(row.path, from);
        }

        load();
        return {
            status(now) {
                if (now.revision !== null && revision !== null && now.revision !== revision) load();
                else if (!page && now.agent.state === 'running') load();
            },
        };
    }

    qm.views = qm.views || [];
    qm.views.push({ id: 'models', label: 'Models', order: 1, make });
})();

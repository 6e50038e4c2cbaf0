// What works with a checkpoint: everything here with its grade and the reason, the defaults, the picture of all.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const GRADES = ['Full', 'Partial', 'Unknown', 'None'];
    const WORDS = { Full: 'works', Partial: 'may work', Unknown: 'unknown', None: 'does not work' };
    const CHUNK = 100;

    function make(panel) {
        const { el, button, select, fill, debounce, empty, failed, grade } = qm.dom;
        const wanted = { checkpoint: '', grades: new Set(['Full', 'Partial', 'Unknown']), q: '', type: '' };
        let answer = null;
        let limit = CHUNK;
        let loaded;

        const chooser = select(
            'Checkpoint',
            [['', 'The loaded checkpoint']],
            '',
            (value) => {
                wanted.checkpoint = value;
                load();
            },
            { id: 'qm-checkpoint' },
        );
        const headline = el('div', { class: 'qm-headline' });
        const chips = el('div', { class: 'qm-grades', role: 'group', 'aria-label': 'Show grades' });
        const search = el('input', {
            type: 'search',
            class: 'qm-search',
            placeholder: 'Search…',
            'aria-label': 'Search add-ons',
            oninput: debounce(() => {
                wanted.q = search.value.trim().toLowerCase();
                again();
            }, 150),
        });
        const type = select('Type', [['', 'All types']], '', (value) => {
            wanted.type = value;
            again();
        });
        const list = el('div', { class: 'qm-verdicts' });
        const side = el('aside', { class: 'qm-side', 'aria-label': 'Defaults' });
        const matrix = el('section', { class: 'qm-card qm-wide', 'aria-label': 'Which ecosystems work together' });
        panel.append(
            el(
                'div',
                { class: 'qm-toolbar' },
                el('label', { class: 'qm-label', for: 'qm-checkpoint', text: 'Checkpoint' }),
                chooser,
                headline,
            ),
            el(
                'div',
                { class: 'qm-split qm-open' },
                el('div', { class: 'qm-main' }, chips, el('div', { class: 'qm-toolbar' }, search, type), list),
                side,
            ),
            matrix,
        );
        qm.matrix.make(matrix);

        const ask = qm.routes.latest((signal) =>
            qm.routes.get('compatibility', { checkpoint: wanted.checkpoint }, signal),
        );

        async function load() {
            list.setAttribute('aria-busy', 'true');
            try {
                const given = await ask();
                if (!given) return;
                answer = given;
                again();
                heading();
                qm.defaults.draw(side, answer.defaults, answer.checkpoint);
                qm.matrix.mark(matrix, answer.checkpoint?.ecosystem || answer.checkpoint?.base_model);
            } catch (error) {
                list.replaceChildren(failed(error, load));
            }
            list.setAttribute('aria-busy', 'false');
        }

        async function choices() {
            try {
                const [models, names] = await Promise.all([
                    qm.routes.get('models', { type: 'Checkpoint', limit: 500 }),
                    qm.routes.get('names'),
                ]);
                fill(
                    chooser,
                    [
                        ['', 'The loaded checkpoint'],
                        ...models.models.map((row) => [row.path, row.name]),
                        ...names.base_models.map((name) => [name, `any ${name} checkpoint`]),
                    ],
                    wanted.checkpoint,
                );
            } catch (_) {
                /* the chooser keeps what it has: the list below says what is wrong */
            }
        }

        function heading() {
            const { checkpoint, message } = answer;
            const base = checkpoint?.base_model || checkpoint?.ecosystem || 'unknown base model';
            headline.replaceChildren(
                ...(checkpoint
                    ? [
                          el(
                              'span',
                              {},
                              el('strong', { text: checkpoint.name }),
                              el('span', { class: 'qm-muted', text: base === checkpoint.name ? '' : ` ${base}` }),
                          ),
                          message ? el('div', { class: 'qm-note', text: message }) : '',
                      ]
                    : [el('span', { class: 'qm-muted', text: message || 'No checkpoint is loaded: choose one.' })]),
            );
        }

        function again() {
            limit = CHUNK;
            draw();
        }

        function draw() {
            if (!answer) return;
            const { counts, models } = answer;
            chips.replaceChildren(
                ...GRADES.map((one) =>
                    el(
                        'button',
                        {
                            type: 'button',
                            class: 'qm-grade-chip',
                            'aria-pressed': String(wanted.grades.has(one)),
                            onclick: () => {
                                wanted.grades.has(one) ? wanted.grades.delete(one) : wanted.grades.add(one);
                                again();
                            },
                        },
                        grade(one),
                        el('span', { text: `${qm.format.count(counts[one])} ${WORDS[one]}` }),
                    ),
                ),
            );
            fill(
                type,
                [['', 'All types'], ...[...new Set(models.map((row) => row.type))].sort().map((name) => [name, name])],
                wanted.type,
            );
            const rows = models
                .filter(
                    (row) =>
                        wanted.grades.has(row.grade) &&
                        (!wanted.type || row.type === wanted.type) &&
                        (!wanted.q || `${row.name} ${row.path} ${row.base_model}`.toLowerCase().includes(wanted.q)),
                )
                .sort((a, b) => GRADES.indexOf(a.grade) - GRADES.indexOf(b.grade) || a.name.localeCompare(b.name));
            if (!rows.length) {
                list.replaceChildren(
                    models.length
                        ? empty('Nothing matches', 'No add-on here has these grades and this name.')
                        : empty(
                              'No add-ons yet',
                              answer.message || 'LoRAs, embeddings, VAEs and ControlNets appear here with their grade.',
                          ),
                );
                return;
            }
            list.replaceChildren(
                el('ul', { class: 'qm-verdict-list' }, rows.slice(0, limit).map(verdict)),
                rows.length > limit
                    ? button(`Show more (${qm.format.count(rows.length - limit)} left)`, () => {
                          limit += 5 * CHUNK;
                          draw();
                      })
                    : '',
            );
        }

        /** One add-on; its button brings the steps that led to the grade. */
        function verdict(row) {
            const steps = el('div', { class: 'qm-steps', hidden: true });
            const why = el('button', {
                type: 'button',
                class: 'qm-quiet qm-button qm-small',
                'aria-expanded': 'false',
                text: 'Why?',
                onclick: async () => {
                    steps.hidden = !steps.hidden;
                    why.setAttribute('aria-expanded', String(!steps.hidden));
                    if (steps.childElementCount) return;
                    try {
                        const given = await qm.routes.get('compatibility/steps', {
                            checkpoint: wanted.checkpoint,
                            path: row.path,
                        });
                        steps.replaceChildren(el('pre', { text: given.steps.join('\n') }));
                    } catch (error) {
                        steps.replaceChildren(el('p', { text: error.message }));
                    }
                },
            });
            return el(
                'li',
                {},
                grade(row.grade, row.reason),
                el(
                    'div',
                    { class: 'qm-verdict-words' },
                    el(
                        'div',
                        {},
                        el('strong', { text: row.name }),
                        el('span', {
                            class: 'qm-muted',
                            text: ` ${row.type}${row.base_model ? ` · ${row.base_model}` : ''}`,
                        }),
                    ),
                    el('div', { class: 'qm-reason', text: row.reason }),
                    steps,
                ),
                why,
            );
        }

        load();
        choices();
        return {
            status(now) {
                const key = `${now.revision}|${now.checkpoint?.name}`;
                if (loaded !== undefined && key !== loaded && now.agent.state === 'running') {
                    load();
                    choices();
                }
                loaded = key;
            },
        };
    }

    qm.views = qm.views || [];
    qm.views.push({ id: 'compatibility', label: 'Compatibility', order: 2, make });
})();

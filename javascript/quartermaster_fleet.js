// The other servers: their states, their models, what is only here and what is missing here.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const KINDS = { online: 'good', available: 'good', stale: 'warn', offline: 'bad' };

    function make(panel) {
        const { el, button, pill, debounce, empty, failed } = qm.dom;
        const { count, ago, plural } = qm.format;
        const wanted = { server: null, only: null, q: '' };
        const cards = el('div', { class: 'qm-fleet' });
        const search = el('input', {
            type: 'search',
            class: 'qm-search',
            placeholder: 'Search these models…',
            'aria-label': "Search the fleet's models",
            oninput: debounce(() => {
                wanted.q = search.value.trim();
                models();
            }, 250),
        });
        const title = el('h3', {});
        const list = el('div', { class: 'qm-fleet-models' });
        const below = el(
            'section',
            { class: 'qm-card', hidden: true, 'aria-label': 'Models' },
            el('div', { class: 'qm-card-head' }, title, search),
            list,
        );
        panel.append(cards, below);

        const ask = qm.routes.latest((signal) => qm.routes.get('fleet', {}, signal));
        async function load() {
            try {
                const answer = await ask();
                if (answer) draw(answer);
            } catch (error) {
                below.hidden = true;
                if (error.code === 'not_paired') {
                    cards.replaceChildren(
                        empty(
                            'No hub yet',
                            'Paired with a hub, this page shows what every server has and who can help out.',
                            button('Pair with a hub', () => qm.choose('hub'), { class: 'qm-button qm-primary' }),
                        ),
                    );
                } else {
                    cards.replaceChildren(failed(error, load));
                }
            }
        }

        function draw(answer) {
            const mine = qm.status.last?.server_id;
            const card = (key, value, name, number, ...words) =>
                el(
                    'button',
                    {
                        type: 'button',
                        class: 'qm-server-card',
                        'aria-pressed': String(wanted[key] === value),
                        onclick: () => {
                            Object.assign(wanted, { server: null, only: null, [key]: value });
                            draw(answer);
                            models(name);
                        },
                    },
                    el('strong', { text: name }),
                    el('span', { class: 'qm-big', text: count(number) }),
                    ...words,
                );
            cards.replaceChildren(
                ...answer.servers.map((one) =>
                    card(
                        'server',
                        one.server_id,
                        one.alias || one.server_id,
                        one.models,
                        el(
                            'span',
                            { class: 'qm-server-state' },
                            pill(KINDS[one.state] || 'quiet', one.state),
                            one.this || one.server_id === mine
                                ? pill('info', 'this one')
                                : el('span', { class: 'qm-muted', text: ago(one.last_seen) }),
                        ),
                    ),
                ),
                card(
                    'only',
                    'here',
                    'Only here',
                    answer.only_here,
                    el('span', { class: 'qm-muted', text: 'no other server has them' }),
                ),
                card(
                    'only',
                    'missing',
                    'Missing here',
                    answer.missing_here,
                    el('span', { class: 'qm-muted', text: 'others have them' }),
                ),
            );
        }

        const page = qm.routes.latest((signal, cursor) =>
            qm.routes.get(
                'fleet/models',
                { server: wanted.server, only: wanted.only, q: wanted.q || null, cursor },
                signal,
            ),
        );
        async function models(name = title.textContent, cursor = null) {
            below.hidden = false;
            title.textContent = name;
            try {
                const answer = await page(cursor);
                if (!answer) return;
                const lines = answer.models.map(line);
                const more = answer.next_cursor
                    ? button('Show more', () => {
                          more.remove();
                          models(name, answer.next_cursor);
                      })
                    : '';
                if (cursor) list.append(...lines, more);
                else
                    list.replaceChildren(
                        ...(lines.length
                            ? [...lines, more]
                            : [empty('None', wanted.q ? 'No model of that name.' : 'There is nothing to list.')]),
                    );
            } catch (error) {
                list.replaceChildren(failed(error, () => models(name)));
            }
        }

        function line(row) {
            const name = row.name || (row.path || '').split('/').pop() || row.autov2 || row.sha256 || '';
            return el(
                'div',
                { class: 'qm-line' },
                el(
                    'div',
                    {},
                    el('strong', { text: name }),
                    el('div', { class: 'qm-muted qm-path', text: row.path || '' }),
                ),
                el('span', { text: row.type || '' }),
                el('span', { class: 'qm-muted', text: row.base_model || row.ecosystem || '' }),
                el('span', { class: 'qm-muted', text: row.size ? qm.format.bytes(row.size) : '' }),
                row.servers
                    ? el('span', {
                          class: 'qm-muted',
                          text: plural(row.servers.length, 'server'),
                          title: row.servers.map((one) => one.server_id || one).join(', '),
                      })
                    : '',
            );
        }

        let drawn = 0;
        return {
            show: load,
            status() {
                if (Date.now() - drawn > 30000) {
                    drawn = Date.now();
                    load();
                }
            },
        };
    }

    qm.fleet = { KINDS };
    qm.views = qm.views || [];
    qm.views.push({ id: 'fleet', label: 'Fleet', order: 3, make });
})();

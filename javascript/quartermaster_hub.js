// Pairing with a hub by address and one-time code, and how that connection is.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});

    function make(panel) {
        const { el, button, pill, failed, during, say } = qm.dom;
        const node = el('div', { class: 'qm-hub' });
        panel.append(node);
        let drawn = null;

        function form(server) {
            const address = el('input', {
                type: 'url',
                id: 'qm-hub-address',
                class: 'qm-input',
                placeholder: 'http://hub:7807',
                required: true,
                autocomplete: 'off',
            });
            const code = el('input', {
                type: 'text',
                id: 'qm-hub-code',
                class: 'qm-input qm-code',
                placeholder: 'ABCD-1234',
                required: true,
                autocomplete: 'off',
                spellcheck: 'false',
            });
            const wrong = el('div', {});
            const go = el('button', { type: 'submit', class: 'qm-button qm-primary', text: 'Pair' });
            return el(
                'form',
                {
                    class: 'qm-card qm-pair',
                    onsubmit: async (event) => {
                        event.preventDefault();
                        wrong.replaceChildren();
                        go.disabled = true;
                        try {
                            const answer = await qm.routes.post('hub/pair', {
                                address: address.value.trim(),
                                code: code.value.trim(),
                            });
                            say(answer.message || 'Paired.');
                            await qm.status.ask();
                        } catch (error) {
                            wrong.replaceChildren(failed(error, null));
                            code.focus();
                        }
                        go.disabled = false;
                    },
                },
                el('h3', { text: 'Pair with a hub' }),
                el('p', {
                    class: 'qm-muted',
                    text: 'Everything here works without a hub. With one you see what every server has.',
                }),
                el(
                    'ol',
                    { class: 'qm-steps-list' },
                    el(
                        'li',
                        {},
                        'On the machine of the hub, print a code: ',
                        qm.dom.copyable(`quartermaster hub pair --server ${server || 'NAME'}`, 'command'),
                    ),
                    el('li', { text: "Type the hub's address and the code here. A code works once, for ten minutes." }),
                ),
                el('label', { for: 'qm-hub-address', text: 'Address of the hub' }),
                address,
                el('label', { for: 'qm-hub-code', text: 'One-time code' }),
                code,
                wrong,
                el('div', { class: 'qm-actions' }, go),
            );
        }

        function paired(hub, server) {
            const said = el('div', { 'aria-live': 'polite' });
            const test = button('Test the connection', () =>
                during(test, async () => {
                    said.replaceChildren(el('p', { class: 'qm-muted', text: 'Asking the hub…' }));
                    try {
                        const answer = await qm.routes.post('hub/test');
                        said.replaceChildren(
                            answer.ok === false
                                ? failed(answer, null)
                                : el('p', { class: 'qm-fine', text: answer.message }),
                        );
                    } catch (error) {
                        said.replaceChildren(failed(error, null));
                    }
                }),
            );
            const sync = button('Sync now', () =>
                during(sync, async () => {
                    await qm.routes.post('sync');
                    say('The hub is being told.');
                    await qm.status.ask();
                }),
            );
            const sure = el(
                'span',
                { hidden: true, class: 'qm-sure-question' },
                el('span', { text: 'The hub keeps what it knows of this server. Unpair?' }),
                button(
                    'Unpair',
                    (event) =>
                        during(event.target, async () => {
                            await qm.routes.post('hub/unpair');
                            await qm.status.ask();
                            say('Unpaired.');
                        }),
                    { class: 'qm-button qm-danger' },
                ),
                button(
                    'Cancel',
                    () => {
                        sure.hidden = true;
                        unpair.hidden = false;
                    },
                    { class: 'qm-button qm-quiet' },
                ),
            );
            const unpair = button(
                'Unpair…',
                () => {
                    sure.hidden = false;
                    unpair.hidden = true;
                },
                { class: 'qm-button qm-quiet' },
            );
            const facts = el('dl', { class: 'qm-facts' });
            const state = el('span', {});
            const card = el(
                'section',
                { class: 'qm-card qm-pair' },
                el('div', { class: 'qm-card-head' }, el('h3', { text: 'Paired' }), state),
                facts,
                el('div', { class: 'qm-actions' }, test, sync, unpair, sure),
                said,
            );
            return {
                card,
                update(now) {
                    const { ago, plural } = qm.format;
                    state.replaceChildren(
                        now.error
                            ? pill('warn', 'hub away')
                            : now.in_sync
                              ? pill('good', 'in sync')
                              : pill('info', 'syncing'),
                    );
                    const rows = [
                        ['Hub', now.address],
                        ['This server', server],
                        ['Last sync', ago(now.last_sync)],
                        ['Waits to be sent', now.unsent ? plural(now.unsent, 'change') : 'nothing'],
                        now.error ? ['Problem', now.error] : null,
                    ];
                    facts.replaceChildren(
                        ...rows
                            .filter(Boolean)
                            .flatMap(([name, value]) => [el('dt', { text: name }), el('dd', { text: value || '' })]),
                    );
                },
            };
        }

        return {
            status(now) {
                if (now.agent.state !== 'running' && !drawn) {
                    node.replaceChildren(
                        el('p', { class: 'qm-muted', text: now.agent.message || 'The agent is starting…' }),
                    );
                    return;
                }
                if (now.agent.state !== 'running') return;
                if (!drawn || drawn.paired !== now.hub.paired) {
                    const view = now.hub.paired
                        ? paired(now.hub, now.server_id)
                        : { card: form(now.server_id), update() {} };
                    drawn = { paired: now.hub.paired, ...view };
                    node.replaceChildren(view.card);
                }
                drawn.update(now.hub);
            },
            show() {
                if (qm.status.last) this.status(qm.status.last);
            },
        };
    }

    qm.views = qm.views || [];
    qm.views.push({ id: 'hub', label: 'Hub', order: 5, make });
})();

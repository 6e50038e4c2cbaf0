// "Queue on fleet" beside Generate and in its context menu: what Generate would run becomes a job of the fleet.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const TABS = ['txt2img', 'img2img'];
    const LABEL = 'Queue on fleet';
    const PRIORITIES = [
        ['-5', 'Low'],
        ['0', 'Normal'],
        ['5', 'High'],
        ['10', 'Highest'],
    ];
    const buttons = {};
    let word = '';

    const find = (selector) => window.gradioApp().querySelector(selector);
    const collector = (tab) => find(`#quartermaster_collect_${tab}`);

    /** gradio asks with all that Generate would send; the first value goes back as our word for it. */
    function given(tab, values) {
        const sent = [...values];
        sent[0] = word;
        if (tab === 'img2img' && typeof window.get_tab_index === 'function' && find('#mode_img2img')) {
            sent[1] = window.get_tab_index('mode_img2img');
        }
        return sent;
    }

    function madeUp() {
        const bytes = crypto.getRandomValues(new Uint8Array(16));
        return `qm-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
    }

    function place(tab) {
        const box = find(`#${tab}_generate_box`) || find(`#${tab}_generate`)?.parentElement;
        if (!box || buttons[tab] || !collector(tab)) return;
        buttons[tab] = qm.dom.el('button', {
            type: 'button',
            id: `qm-queue-${tab}`,
            class: 'qm-queue-button',
            text: LABEL,
            title: 'Have a server of the fleet run this that has its models',
            hidden: true,
            onclick: () => open(tab),
        });
        box.insertAdjacentElement('afterend', buttons[tab]);
        if (typeof window.appendContextMenuOption === 'function') {
            window.appendContextMenuOption(`#${tab}_generate`, LABEL, () => open(tab));
        }
    }

    const paired = (yes) => Object.values(buttons).forEach((button) => (button.hidden = !yes));

    /** Open the dialog at once; what it is about comes when gradio has handed the form over. */
    async function open(tab) {
        const { el, failed } = qm.dom;
        document.getElementById('qm-queue')?.remove();
        const body = el('div', { class: 'qm-queue-body' }, el('p', { class: 'qm-muted', text: 'Reading the form…' }));
        const box = el(
            'dialog',
            { id: 'qm-queue', 'aria-labelledby': 'qm-queue-title' },
            el(
                'div',
                { class: 'qm-queue-head' },
                el('h3', { id: 'qm-queue-title', text: LABEL }),
                el('button', {
                    type: 'button',
                    class: 'qm-icon',
                    'aria-label': 'Close',
                    text: '✕',
                    onclick: () => box.close(),
                }),
            ),
            body,
        );
        box.addEventListener('close', () => box.remove());
        box.addEventListener('keydown', (event) => event.stopPropagation()); // Escape would interrupt a generation
        document.body.append(box);
        box.showModal();
        word = madeUp();
        const mine = word;
        try {
            collector(tab).click();
            const draft = await qm.routes.post('jobs/draft', { word: mine });
            body.replaceChildren(...form(box, mine, draft));
        } catch (error) {
            body.replaceChildren(failed(error, null));
        }
    }

    /** What will run, the choices, and what the hub says to them as they stand. */
    function form(box, mine, draft) {
        const { el, select, button, debounce, failed } = qm.dom;
        const chosen = { target: 'any', quantity: 1, seed_variation: 'random', priority: 0 };
        const verdict = el('div', { class: 'qm-queue-verdict', 'aria-live': 'polite' });
        const ask = qm.routes.latest((signal) => qm.routes.post('jobs/check', { word: mine, ...chosen }, signal));
        const look = async () => {
            try {
                const answer = await ask();
                if (answer) verdict.replaceChildren(...judged(answer, draft));
            } catch (error) {
                verdict.replaceChildren(failed(error, look));
            }
        };
        const later = debounce(look, 250);
        const seeds = select(
            'Seeds',
            [
                ['random', 'random seeds'],
                ['incremental', 'seeds counted up'],
            ],
            'random',
            (value) => (chosen.seed_variation = value),
        );
        seeds.hidden = true;
        const quantity = el('input', {
            type: 'number',
            class: 'qm-input qm-queue-number',
            min: '1',
            max: '100',
            value: '1',
            'aria-label': 'How many jobs',
            oninput: () => {
                chosen.quantity = Math.min(100, Math.max(1, Math.round(Number(quantity.value) || 1)));
                seeds.hidden = chosen.quantity === 1;
                go.textContent = chosen.quantity === 1 ? 'Queue' : `Queue ${chosen.quantity} jobs`;
            },
        });
        const servers = draft.servers.map((one) => [
            one.server_id,
            `${one.alias || one.server_id}${one.this ? ' (this one)' : ''}${one.state === 'present' ? '' : ` · ${one.state}`}`,
        ]);
        const target = select('Server', [['any', 'any server'], ...servers], 'any', (value) => {
            chosen.target = value;
            later();
        });
        const priority = select('Priority', PRIORITIES, '0', (value) => (chosen.priority = Number(value)));
        const go = button('Queue', () => send(box, mine, chosen, go, verdict), { class: 'qm-button qm-primary' });
        look();
        setTimeout(() => go.focus());
        const labelled = (text, ...nodes) => el('label', { class: 'qm-queue-field' }, el('span', { text }), ...nodes);
        return [
            summary(draft),
            ...draft.notes.map((text) => el('p', { class: 'qm-note', text })),
            el(
                'div',
                { class: 'qm-queue-fields' },
                labelled('Server', target),
                labelled('Jobs', el('span', { class: 'qm-actions' }, quantity, seeds)),
                labelled('Priority', priority),
            ),
            verdict,
            el('div', { class: 'qm-actions qm-queue-foot' }, go, button('Cancel', () => box.close())),
        ];
    }

    function summary(draft) {
        const { el } = qm.dom;
        const { form: made } = draft;
        const images = (made.n_iter || 1) * (made.batch_size || 1);
        return el(
            'div',
            { class: 'qm-queue-summary' },
            el('p', { class: 'qm-queue-prompt', text: made.prompt || '(no prompt)' }),
            el('p', {
                class: 'qm-muted',
                text: [
                    draft.mode,
                    draft.checkpoint || 'no checkpoint chosen',
                    `${made.width}×${made.height}`,
                    made.steps ? `${made.steps} steps` : '',
                    made.sampler_name,
                    made.seed === -1 || made.seed === null ? 'random seed' : `seed ${made.seed}`,
                    images > 1 ? `${images} images` : '',
                ]
                    .filter(Boolean)
                    .join(' · '),
            }),
        );
    }

    /** Why it would not begin at once; to wait behind others is no reason to look for another server. */
    const obstacle = (answer) => (answer.waiting?.code === 'queued' ? null : answer.waiting?.message);
    const named = (draft, id) => draft?.servers.find((one) => one.server_id === id)?.alias || id;

    /** What the hub says: who could run it now, what each model is, what to look out for. */
    function judged(answer, draft) {
        const { el } = qm.dom;
        const able = (answer.able || []).map((one) => one.alias || named(draft, one.server_id || one));
        const waiting = obstacle(answer);
        return [
            el('p', {
                class: `qm-queue-line ${waiting ? 'qm-queue-waits' : 'qm-queue-runs'}`,
                text: waiting ? `It would wait: ${waiting}` : `Can run now on ${able.join(', ')}`,
            }),
            qm.requirements.list(answer.requirements),
            ...qm.requirements.words(answer.warnings).map((text) => el('p', { class: 'qm-note', text })),
        ];
    }

    async function send(box, mine, chosen, go, verdict) {
        const { el, button, failed } = qm.dom;
        go.disabled = true;
        try {
            const answer = await qm.routes.post('jobs/submit', { word: mine, ...chosen });
            const count = answer.ids.length;
            const able = (answer.able || []).map((one) => one.alias || one.server_id || one);
            const where = obstacle(answer)
                ? `It waits: ${obstacle(answer)}`
                : `It goes to ${able.length > 1 ? `the first free of ${able.join(', ')}` : able.join('')}.`;
            box.querySelector('.qm-queue-body').replaceChildren(
                el('p', {
                    class: 'qm-queue-done',
                    role: 'status',
                    text: count === 1 ? 'Queued.' : `Queued ${count} jobs.`,
                }),
                el('p', { text: where }),
                el(
                    'div',
                    { class: 'qm-actions qm-queue-foot' },
                    button('Close', () => box.close(), { class: 'qm-button qm-primary' }),
                    button('Show in Jobs', () => {
                        box.close();
                        qm.jobs.open();
                    }),
                ),
            );
        } catch (error) {
            verdict.replaceChildren(failed(error, null));
            go.disabled = false;
        }
    }

    async function ready() {
        TABS.forEach(place);
        try {
            paired((await qm.routes.get('status')).hub.paired);
        } catch (_) {
            setTimeout(ready, 5000); // the agent is starting
        }
    }

    window.onUiLoaded(() => {
        qm.status.watch((status) => paired(Boolean(status.hub?.paired)));
        ready();
    });
    window.onAfterUiUpdate(() => TABS.forEach(place));
    qm.queue = { given, open };
})();

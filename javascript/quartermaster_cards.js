// Badges on the cards of the extra-networks pages: the grade against the checkpoint, and who else has it.
// Cards come late, again, singly and by the thousand; so this draws idempotently, in slices, and measures nothing.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const SLICE_MS = 6;
    const POLL_MS = 10000;
    const STALE_MS = 60000;
    const SETTLING_MS = 40000; // after a change the agent asks the hub aside: what others have comes a little later
    const PAGES = '.extra-network-cards .card';
    let known = { key: null, since: 0, asked: 0, cards: {} };
    let byTail = new Map();
    let generation = 0;
    let queue = [];
    let running = false;
    let timer = 0;
    let asking = false;

    const normal = (path) => path.replaceAll('\\', '/');

    /** Index the answer by full path, and by lower-cased path for the cards whose path a quote cut short. */
    function index(cards) {
        const full = {};
        byTail = new Map();
        for (const [path, card] of Object.entries(cards)) {
            full[normal(path)] = card;
            byTail.set(normal(path).toLowerCase(), card);
        }
        return full;
    }

    /** Find a card's entry. The host does not escape the path on its button: a quote in a name ends it early. */
    function entry(card) {
        const path = card.querySelector('.copy-path-button')?.dataset.clipboardText;
        if (path && known.cards[normal(path)]) return known.cards[normal(path)];
        const sorted = card.dataset.sortPath;
        return sorted ? byTail.get(normal(sorted)) : undefined;
    }

    /** Draw or take off one card's badges; nothing happens where they are this generation's already. */
    function draw(card) {
        if (card.dataset.qmSeen === String(generation)) return;
        card.dataset.qmSeen = String(generation);
        const options = qm.cards.options;
        const found = entry(card);
        const grade = found && options.badges !== false && found.grade ? found.grade : '';
        const elsewhere = found && options.availability_badges !== false ? found.elsewhere || [] : [];
        const state = `${grade}|${found?.reason || ''}|${elsewhere.join()}`;
        if (card.dataset.qmState === state && (state === '||' || card.querySelector('.qm-badges'))) return;
        card.dataset.qmState = state;
        if (grade) card.dataset.qmGrade = grade;
        else delete card.dataset.qmGrade;
        card.querySelector('.qm-badges')?.remove();
        if (!grade && !elsewhere.length) return;
        const { el } = qm.dom;
        card.append(
            el(
                'div',
                { class: 'qm-badges' },
                grade ? qm.dom.grade(grade, found.reason) : null,
                elsewhere.length
                    ? el('span', {
                          class: 'qm-elsewhere',
                          role: 'img',
                          text: `⇄ ${elsewhere.length}`,
                          title: `Also on ${elsewhere.join(', ')}`,
                          'aria-label': `Also on ${elsewhere.join(', ')}`,
                      })
                    : null,
            ),
        );
    }

    function work() {
        const end = performance.now() + SLICE_MS;
        while (queue.length && performance.now() < end) draw(queue.pop());
        if (queue.length) requestAnimationFrame(work);
        else running = false;
    }

    /** Look at every card that is there, a few milliseconds per frame. */
    function sweep() {
        if (known.key === null) return;
        queue = [...window.gradioApp().querySelectorAll(PAGES)].reverse();
        if (!running && queue.length) {
            running = true;
            requestAnimationFrame(work);
        }
    }

    const seen = () =>
        [...window.gradioApp().querySelectorAll('.extra-network-cards')].some((one) => one.offsetParent !== null);

    /** Ask how things are, which is cheap, and for the grades only where inventory, checkpoint or settings changed. */
    async function ask() {
        if (asking) return;
        asking = true;
        try {
            const status = await qm.routes.get('status');
            qm.cards.options = status.options || {};
            const { name, base_model: base } = status.checkpoint || {};
            const { paired, error } = status.hub;
            const key = JSON.stringify([
                status.agent.state,
                status.revision,
                name,
                base,
                status.options,
                paired,
                error,
            ]);
            const now = Date.now();
            const settling = paired && now - known.since < SETTLING_MS;
            if (key !== known.key || settling || now - known.asked > STALE_MS) {
                const answer = await qm.routes.get('cards');
                known = { key, since: key === known.key ? known.since : now, asked: now, cards: index(answer.cards) };
                generation += 1;
                sweep();
            }
        } catch (_) {
            /* the agent starts, or the web UI restarts: the next round asks again */
        }
        asking = false;
        again();
    }

    function again() {
        clearTimeout(timer);
        timer = setTimeout(
            () => {
                if (!document.hidden && seen()) ask();
                else again();
            },
            known.key === null ? 3000 : POLL_MS,
        );
    }

    /** Ask soon, and a little later once more: the host chooses the checkpoint after the chooser says so. */
    const soon = (() => {
        let first = 0;
        let second = 0;
        return () => {
            clearTimeout(first);
            clearTimeout(second);
            first = setTimeout(ask, 300);
            second = setTimeout(ask, 2500);
        };
    })();

    /** Watch the checkpoint chooser: A1111's has an id, Forge's only a class. gradio sends no event for its value. */
    let chosen = null;
    function watchCheckpoint() {
        const field = window
            .gradioApp()
            .querySelector('#setting_sd_model_checkpoint input, #quicksettings .model_selection input');
        const now = field ? field.value : null;
        if (now === chosen) return;
        const first = chosen === null;
        chosen = now;
        if (!first) {
            soon();
            qm.warning?.again();
        }
    }

    const added = (records) =>
        records.some(
            (record) =>
                record.target.closest?.('.extra-network-cards, .extra-network-pane, .extra-page') &&
                [...record.addedNodes].some((node) => node.nodeType === 1 && !node.classList.contains('qm-badges')),
        );

    window.onUiUpdate((records) => {
        if (records && added(records)) {
            sweep();
            qm.filter?.ensure();
        }
    });
    window.onUiLoaded(() => {
        document.addEventListener('visibilitychange', () => {
            if (!document.hidden) again();
        });
        setInterval(watchCheckpoint, 700);
        ask();
    });

    qm.cards = { options: {}, sweep, ask };
})();

// Quartermaster's tab: its sub-tabs, drawn into #quartermaster; which one was last used is remembered.
// Every file here adds one noun to the one global object; they all run before the page is there.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const MEMORY = 'quartermaster.view';
    qm.views = qm.views || [];

    /** Keep what the person chose; a browser that stores nothing loses no more than that. */
    const remember = (id) => {
        try {
            localStorage.setItem(MEMORY, id);
        } catch (_) {
            /* private window */
        }
    };
    const remembered = () => {
        try {
            return localStorage.getItem(MEMORY);
        } catch (_) {
            return null;
        }
    };

    /** Draw the tab once into its element: a list of sub-tabs, the state of the agent, a panel per view. */
    function mount(root) {
        const { el } = qm.dom;
        const views = [...qm.views].sort((a, b) => a.order - b.order);
        const shown = {};
        const list = el('div', { class: 'qm-tabs', role: 'tablist', 'aria-label': 'Quartermaster' });
        const panels = el('div', { class: 'qm-panels' });
        for (const view of views) {
            list.append(
                el('button', {
                    type: 'button',
                    role: 'tab',
                    id: `qm-tab-${view.id}`,
                    'aria-controls': `qm-panel-${view.id}`,
                    text: view.label,
                    onclick: () => choose(view.id),
                }),
            );
            panels.append(
                el('section', {
                    role: 'tabpanel',
                    id: `qm-panel-${view.id}`,
                    'aria-labelledby': `qm-tab-${view.id}`,
                    class: 'qm-panel',
                    hidden: true,
                }),
            );
        }

        /** Show one view, making it the first time; the others stay as they are, and quiet. */
        function choose(id, focus = false) {
            const chosen = views.find((view) => view.id === id) || views[0];
            for (const view of views) {
                const on = view === chosen;
                const tab = list.querySelector(`#qm-tab-${view.id}`);
                tab.setAttribute('aria-selected', String(on));
                tab.tabIndex = on ? 0 : -1;
                panels.querySelector(`#qm-panel-${view.id}`).hidden = !on;
                if (on && focus) tab.focus();
                // On a telephone the list is wider than the page.
                if (on) list.scrollLeft = tab.offsetLeft - list.offsetLeft - (list.clientWidth - tab.clientWidth) / 2;
            }
            remember(chosen.id);
            root.dataset.view = chosen.id;
            if (!shown[chosen.id]) {
                shown[chosen.id] = chosen.make(panels.querySelector(`#qm-panel-${chosen.id}`));
                if (qm.status.last) shown[chosen.id].status?.(qm.status.last);
            }
            shown[chosen.id].show?.();
        }

        list.addEventListener('keydown', (event) => {
            const at = views.findIndex((view) => view.id === root.dataset.view);
            const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: views.length - 1 }[event.key];
            if (to === undefined) return;
            event.preventDefault();
            choose(views[(to + views.length) % views.length].id, true);
        });

        qm.choose = choose;
        root.replaceChildren(
            el('header', { class: 'qm-header' }, list, qm.progress.chips()),
            qm.progress.strip(),
            qm.folders.make(),
            panels,
            el('div', { class: 'qm-said', role: 'status', 'aria-live': 'polite' }),
        );
        root.setAttribute('role', 'region');
        root.classList.add('qm-ready');
        qm.status.watch((status) => {
            for (const [id, view] of Object.entries(shown)) if (root.dataset.view === id) view.status?.(status);
        });
        choose(remembered() || views[0].id);
        qm.status.follow(root);
    }

    /** Draw the tab where it is not drawn yet: gradio may bring the element late, or anew. */
    function ensure() {
        const root = document.getElementById('quartermaster');
        if (root && !root.classList.contains('qm-ready')) mount(root);
    }

    window.onUiLoaded(ensure);
    window.onAfterUiUpdate(ensure);
})();

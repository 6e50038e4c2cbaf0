// The folders that are listed, how changes in them are noticed, and the files that could not be listed.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});

    /** A panel below the header, closed until one of the chips opens it. */
    function make() {
        const { el } = qm.dom;
        const node = el('section', {
            class: 'qm-card qm-folders',
            id: 'qm-folders',
            'aria-label': 'Folders',
            hidden: true,
        });
        let drawn = '';
        qm.status.watch(({ roots, problems }) => {
            const state = JSON.stringify([roots, problems]);
            if (state === drawn) return;
            drawn = state;
            node.replaceChildren(
                el('h4', { text: 'Folders' }),
                el('ul', {}, roots.map(folder)),
                problems.length ? el('h4', { text: 'Not listed' }) : '',
                problems.length ? el('ul', {}, problems.map(problem)) : '',
            );
        });
        return node;
    }

    function folder(root) {
        const { el, pill } = qm.dom;
        return el(
            'li',
            {},
            el('strong', { text: root.label }),
            root.type ? el('span', { class: 'qm-muted', text: ` ${root.type}` }) : null,
            root.stale ? pill('warn', 'away', String(root.stale)) : null,
            root.shared === false ? pill('quiet', 'not shared', 'Its models are never sent to another server') : null,
            el('div', { class: 'qm-muted qm-path', text: [root.path, root.reason].filter(Boolean).join(' · ') }),
        );
    }

    const problem = (one) =>
        qm.dom.el(
            'li',
            {},
            qm.dom.el('code', { text: one.path }),
            qm.dom.el('div', { class: 'qm-muted', text: one.what }),
        );

    /** Open or close the panel; `button` is what says so to a screen reader. */
    function toggle(button) {
        const node = document.getElementById('qm-folders');
        node.hidden = !node.hidden;
        button.setAttribute('aria-expanded', String(!node.hidden));
    }

    qm.folders = { make, toggle };
})();

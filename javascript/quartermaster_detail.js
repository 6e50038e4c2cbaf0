// One model: hashes, what speaks for its ecosystem and what against, where it is, here and elsewhere.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});

    function make({ onclose, onchange }) {
        const { el, failed } = qm.dom;
        const node = el('aside', { class: 'qm-detail', 'aria-label': 'Details', hidden: true });
        let path = null;
        let from = null;
        const ask = qm.routes.latest((signal, wanted) => qm.routes.get('model', { path: wanted }, signal));

        async function open(wanted, button) {
            path = wanted;
            from = button || from;
            node.hidden = false;
            if (!node.childElementCount) node.append(el('p', { class: 'qm-muted', text: 'Loading…' }));
            try {
                const answer = await ask(wanted);
                if (!answer || path !== wanted) return;
                node.replaceChildren(
                    ...parts(answer.model, {
                        close,
                        again: () => {
                            open(wanted);
                            onchange();
                        },
                    }),
                );
            } catch (error) {
                node.replaceChildren(
                    closer(close),
                    failed(error, () => open(wanted)),
                );
            }
            if (button) node.querySelector('.qm-close')?.focus({ preventScroll: true });
        }

        /** Close it; tell whether it was open. The button that opened it gets the focus back. */
        function close() {
            if (node.hidden) return false;
            node.hidden = true;
            node.replaceChildren();
            path = null;
            onclose();
            document.querySelector('#quartermaster tr.qm-current')?.classList.remove('qm-current');
            if (from?.isConnected) from.focus();
            return true;
        }

        return { node, open, close, path: () => path };
    }

    const closer = (close) =>
        qm.dom.el('button', {
            type: 'button',
            class: 'qm-icon qm-close',
            'aria-label': 'Close details',
            title: 'Close (Esc)',
            text: '✕',
            onclick: close,
        });

    function section(title, ...children) {
        const { el } = qm.dom;
        const found = children.flat().filter(Boolean);
        return found.length ? el('section', { class: 'qm-part' }, el('h4', { text: title }), ...found) : null;
    }

    const list = (items, draw) =>
        items?.length
            ? qm.dom.el(
                  'ul',
                  {},
                  items.map((item) => qm.dom.el('li', {}, draw(item))),
              )
            : null;

    function parts(model, { close, again }) {
        const { el, copyable } = qm.dom;
        return [
            closer(close),
            model.preview
                ? el('img', {
                      class: 'qm-preview',
                      alt: `Preview of ${model.name}`,
                      src: qm.routes.address('preview', { path: model.path }).href,
                      onerror: (event) => event.target.remove(),
                  })
                : '',
            el('h3', { text: model.title || model.name }),
            el('p', { class: 'qm-muted qm-path', text: model.path }),
            el('div', { class: 'qm-marks' }, ...qm.row.marks(model)),
            facts(model),
            actions(model, again),
            section(
                'Trigger words',
                model.trigger_words?.length
                    ? el(
                          'div',
                          { class: 'qm-words' },
                          model.trigger_words.map((word) => copyable(word, 'trigger word')),
                      )
                    : null,
            ),
            section('Hashes', hashes(model)),
            section(`Why ${model.base_model || model.ecosystem || 'unknown'}`, list(model.evidence, evidence)),
            section('Says otherwise', list(model.conflicts, evidence)),
            section('Elsewhere', elsewhere(model)),
            section(
                'Copies here',
                model.paths?.length > 1 ? list(model.paths, (one) => el('code', { text: one })) : null,
            ),
            section(
                'Same weights, other metadata',
                list(model.same_weights, (one) => el('code', { text: one })),
            ),
            metadata(model.metadata),
        ].filter(Boolean);
    }

    function facts(model) {
        const { el } = qm.dom;
        const { bytes, date } = qm.format;
        const rows = [
            ['Type', model.type],
            ['Base model', qm.row.certainty(model)],
            model.ecosystem && model.ecosystem !== model.base_model ? ['Ecosystem', model.ecosystem] : null,
            ['Size', bytes(model.size)],
            ['Changed', date(model.mtime)],
            model.waiting ? ['Waiting', model.waiting] : null,
        ];
        return el(
            'dl',
            { class: 'qm-facts' },
            rows.filter(Boolean).flatMap(([name, value]) => [el('dt', { text: name }), el('dd', {}, value)]),
        );
    }

    function actions(model, again) {
        const { el, button, during, say } = qm.dom;
        const place = el('div', { class: 'qm-bulk-form' });
        const known = Boolean(model.sha256);
        const correct = button('Correct…', () => qm.correction.open(place, [model.sha256], 1, again), {
            disabled: !known,
        });
        const verify = button(
            'Verify now',
            () =>
                during(verify, async () => {
                    await qm.routes.post('verify', { sha256: [model.sha256] });
                    say('It is read again now.');
                    await qm.status.ask();
                }),
            { disabled: !known },
        );
        return el('div', { class: 'qm-actions' }, correct, verify, place);
    }

    function hashes(model) {
        const { el, copyable } = qm.dom;
        const rows = [
            ['SHA-256', model.sha256],
            ['AutoV2', model.autov2],
            ['AutoV3', model.autov3],
            ['Tensors', model.tensor_sha256],
        ].filter(([, value]) => value);
        if (!rows.length) return el('p', { class: 'qm-muted', text: 'Not read yet.' });
        return el(
            'dl',
            { class: 'qm-facts qm-hashes' },
            rows.flatMap(([name, value]) => [el('dt', { text: name }), el('dd', {}, copyable(value, name))]),
        );
    }

    function evidence(one) {
        const { el } = qm.dom;
        const claims = one.claims?.length
            ? `${one.claims.slice(0, 6).join(', ')}${one.claims.length > 6 ? '…' : ''}`
            : '';
        return [
            el('span', { class: 'qm-witness', text: one.witness }),
            el('span', { text: ` ${one.says} ` }),
            claims ? el('span', { class: 'qm-muted', text: `→ ${claims}` }) : null,
        ].filter(Boolean);
    }

    function elsewhere(model) {
        const { el, pill } = qm.dom;
        if (!model.elsewhere)
            return model.elsewhere_error ? el('p', { class: 'qm-muted', text: model.elsewhere_error }) : null;
        const mine = qm.status.last?.server_id;
        const others = model.elsewhere.servers.filter((one) => one.server_id !== mine);
        if (!others.length) return el('p', { class: 'qm-muted', text: 'Only here.' });
        return el(
            'ul',
            { class: 'qm-servers' },
            others.map((one) =>
                el(
                    'li',
                    {},
                    el('strong', { text: one.server_id }),
                    pill(qm.fleet.KINDS[one.state] || 'quiet', one.state),
                    el('code', { class: 'qm-muted', text: one.path || '' }),
                ),
            ),
        );
    }

    function metadata(found) {
        const { el } = qm.dom;
        const rows = Object.entries(found || {});
        if (!rows.length) return null;
        return el(
            'details',
            { class: 'qm-part' },
            el('summary', { text: `Metadata (${rows.length})` }),
            el(
                'dl',
                { class: 'qm-facts' },
                rows.flatMap(([name, value]) => [
                    el('dt', { text: name }),
                    el('dd', { text: typeof value === 'string' ? value : JSON.stringify(value) }),
                ]),
            ),
        );
    }

    qm.detail = { make };
})();

// Elements of the page. Text gets into the page through textContent only: a file's name is not ours.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});

    /** Make an element: `text`, `onevent`, `dataset`, boolean properties, else attributes; null is left out. */
    function el(tag, attributes = {}, ...children) {
        const node = document.createElement(tag);
        for (const [name, value] of Object.entries(attributes)) {
            if (value === null || value === undefined) continue;
            if (name === 'text') node.textContent = value;
            else if (name === 'dataset') Object.assign(node.dataset, value);
            else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
            else if (typeof value === 'boolean') node[name] = value;
            else node.setAttribute(name, value);
        }
        node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
        return node;
    }

    const button = (text, onclick, attributes = {}) =>
        el('button', { type: 'button', class: 'qm-button', text, onclick, ...attributes });

    /** A labelled chooser; options are [value, text] pairs. */
    function select(label, options, value, onchange, attributes = {}) {
        const node = el('select', {
            'aria-label': label,
            class: 'qm-select',
            onchange: () => onchange(node.value),
            ...attributes,
        });
        fill(node, options, value);
        return node;
    }

    /** Put options into a chooser and keep what is chosen, also where it is not listed any more. */
    function fill(node, options, value) {
        const listed = options.some(([key]) => key === value) ? options : [...options, [value, value]];
        node.replaceChildren(
            ...listed.map(([key, text]) => el('option', { value: key, text, selected: key === value })),
        );
    }

    /** Copy a text; a page that is not served over HTTPS has no clipboard, so select it there instead. */
    async function copy(text, where) {
        try {
            await navigator.clipboard.writeText(text);
            say('Copied.');
        } catch (_) {
            const range = document.createRange();
            range.selectNodeContents(where);
            getSelection().removeAllRanges();
            getSelection().addRange(range);
            say(document.execCommand?.('copy') ? 'Copied.' : 'Selected: press Ctrl+C to copy.');
        }
    }

    /** A text with a button that copies it. */
    function copyable(text, label) {
        const code = el('code', { text });
        return el(
            'span',
            { class: 'qm-copyable' },
            code,
            el('button', {
                type: 'button',
                class: 'qm-icon qm-copy',
                'aria-label': `Copy ${label}`,
                title: 'Copy',
                onclick: () => copy(text, code),
            }),
        );
    }

    const SIGNS = { Full: '✓', Partial: '~', None: '✕', Unknown: '?' };

    /** A compatibility grade by colour, shape and sign. */
    const grade = (value, reason = '') =>
        el('span', {
            class: `qm-grade qm-grade-${String(value).toLowerCase()}`,
            role: 'img',
            'aria-label': `${value}${reason ? `: ${reason}` : ''}`,
            title: `${value}${reason ? `: ${reason}` : ''}`,
            text: SIGNS[value] || '?',
        });

    const pill = (kind, text, title = null) => el('span', { class: `qm-pill qm-pill-${kind}`, text, title });

    /** What stands where there is nothing to show: what that means and what to do. */
    const empty = (title, text, ...actions) =>
        el(
            'div',
            { class: 'qm-empty' },
            el('strong', { text: title }),
            el('p', { text }),
            el('div', { class: 'qm-actions' }, ...actions),
        );

    /** What stands where something failed. */
    const failed = (error, again) =>
        el(
            'div',
            { class: 'qm-failed', role: 'alert' },
            el('p', { text: error.message || String(error) }),
            again ? button('Try again', again) : null,
        );

    /** Call once, `milliseconds` after the last call. */
    function debounce(call, milliseconds) {
        let timer = 0;
        return (...given) => {
            clearTimeout(timer);
            timer = setTimeout(() => call(...given), milliseconds);
        };
    }

    /** Say something in the corner of the tab, to screen readers as well; it goes by itself. */
    let hushing = 0;
    function say(text, kind = 'good') {
        const place = document.querySelector('#quartermaster .qm-said');
        if (!place) return;
        clearTimeout(hushing);
        place.replaceChildren(el('span', { class: `qm-toast qm-toast-${kind}`, text }));
        hushing = setTimeout(() => place.replaceChildren(), kind === 'bad' ? 8000 : 3500);
    }

    /** Run what a button starts: the button waits, a failure is said. */
    async function during(node, work) {
        node.disabled = true;
        try {
            return await work();
        } catch (error) {
            say(error.message, 'bad');
            return null;
        } finally {
            node.disabled = false;
        }
    }

    qm.dom = { el, button, select, fill, copyable, grade, pill, empty, failed, debounce, say, during };
})();

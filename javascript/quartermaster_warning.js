// The line above Generate: a LoRA in the prompt that is missing here, or cannot work with the checkpoint.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const TABS = ['txt2img', 'img2img'];
    const lines = {};

    const area = (id) => window.gradioApp().querySelector(`#${id} textarea`);

    function watch(tab) {
        const { el, debounce } = qm.dom;
        const box =
            window.gradioApp().querySelector(`#${tab}_generate_box`) ||
            window.gradioApp().querySelector(`#${tab}_generate`)?.parentElement;
        if (!box || !area(`${tab}_prompt`)) return;
        const line = el('div', { class: 'qm-warning', role: 'status', id: `qm-warning-${tab}`, hidden: true });
        box.parentElement.insertBefore(line, box);
        let last = '';
        const ask = qm.routes.latest((signal, prompt, negative) =>
            qm.routes.post('prompt', { prompt, negative }, signal),
        );

        const look = async (force = false) => {
            if (qm.cards.options.prompt_warning === false) return;
            const prompt = area(`${tab}_prompt`)?.value || '';
            const negative = area(`${tab}_neg_prompt`)?.value || '';
            const key = `${prompt}\n${negative}`;
            if (key === last && !force) return;
            last = key;
            if (!key.trim()) {
                show([]);
                return;
            }
            try {
                const answer = await ask(prompt, negative);
                if (answer) show(answer.warnings);
            } catch (_) {
                show([]); // no agent, no warning: generating must never depend on it
            }
        };

        function show(warnings) {
            line.hidden = !warnings.length;
            line.replaceChildren(
                ...warnings
                    .slice(0, 4)
                    .map((one) =>
                        el(
                            'div',
                            {},
                            qm.dom.grade(one.problem === 'missing' ? 'Unknown' : 'None'),
                            el(
                                'span',
                                {},
                                one.message.includes(one.name) ? '' : el('strong', { text: `${one.name} ` }),
                                one.message,
                            ),
                        ),
                    ),
            );
            if (warnings.length > 4) line.append(el('div', { text: `and ${warnings.length - 4} more` }));
        }

        const later = debounce(() => look(), 500);
        for (const id of [`${tab}_prompt`, `${tab}_neg_prompt`]) area(id)?.addEventListener('input', later);
        // A card or "send to txt2img" sets the text with no event of its own; reading two values is cheap.
        setInterval(() => {
            if (!document.hidden && line.parentElement?.offsetParent) look();
        }, 1500);
        lines[tab] = look;
        look();
    }

    window.onUiLoaded(() => TABS.forEach(watch));
    qm.warning = { again: () => setTimeout(() => Object.values(lines).forEach((look) => look(true)), 2600) };
})();

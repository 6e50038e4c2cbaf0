// Correcting by hand what the agent found: for one model or for a selection.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    let names = null;

    /** Open the form in a place; `done` is called after the agent took the correction. */
    async function open(place, hashes, models, done) {
        const { el, button, select, during, say } = qm.dom;
        if (place.childElementCount) {
            place.replaceChildren();
            return;
        }
        try {
            names = names || (await qm.routes.get('names'));
        } catch (error) {
            say(error.message, 'bad');
            return;
        }
        const base = select(
            'Base model',
            [['', 'Base model: leave as it is'], ...names.base_models.map((name) => [name, name])],
            '',
            () => {},
        );
        const kind = select(
            'Type',
            [['', 'Type: leave as it is'], ...names.types.map((name) => [name, name])],
            '',
            () => {},
        );
        const send = async (body) => {
            const answer = await qm.routes.post('correct', { sha256: hashes, base_model: null, type: null, ...body });
            say(`${qm.format.plural(answer.changed, 'model')} ${body.clear ? 'as found again' : 'corrected'}.`);
            place.replaceChildren();
            done();
        };
        const save = button(
            'Save',
            () =>
                during(save, async () => {
                    if (!base.value && !kind.value) {
                        say('Choose a base model or a type first.', 'bad');
                        return;
                    }
                    await send({ base_model: base.value || null, type: kind.value || null });
                }),
            { class: 'qm-button qm-primary' },
        );
        const clear = button('Back to what was found', () => during(clear, () => send({ clear: true })));
        place.replaceChildren(
            el(
                'form',
                {
                    class: 'qm-correct',
                    'aria-label': `Correct ${qm.format.plural(models, 'model')}`,
                    onsubmit: (event) => event.preventDefault(),
                },
                base,
                kind,
                save,
                clear,
                button('Cancel', () => place.replaceChildren(), { class: 'qm-button qm-quiet' }),
                el('p', { class: 'qm-muted', text: 'What you set wins over every other source, here and at the hub.' }),
            ),
        );
        base.focus();
    }

    qm.correction = { open };
})();

// A picture or a text and the question what of it is here: every resource resolved, every server asked.
(() => {
    'use strict';
    const qm = (window.quartermaster = window.quartermaster || {});
    const STATUS = {
        here: ['good', 'here'],
        elsewhere: ['info', 'elsewhere'],
        downloadable: ['info', 'can be downloaded'],
        nowhere: ['bad', 'nobody has it'],
        ambiguous: ['warn', 'two models fit'],
        unknown: ['quiet', 'unknown'],
    };

    const ROLES = {
        checkpoint: 'Checkpoint',
        unet: 'UNet',
        vae: 'VAE',
        lora: 'LoRA',
        embedding: 'Embedding',
        controlnet: 'ControlNet',
        hypernetwork: 'Hypernetwork',
        upscaler: 'Upscaler',
        text_encoder: 'Text encoder',
    };

    function make(panel) {
        const { el, button, empty, failed } = qm.dom;
        const file = el('input', {
            type: 'file',
            accept: 'image/*',
            class: 'qm-file',
            'aria-label': 'Choose an image',
            onchange: () => file.files[0] && image(file.files[0]),
        });
        const text = el('textarea', {
            class: 'qm-text',
            rows: '5',
            'aria-label': 'Infotext or prompt',
            placeholder: 'Paste generation parameters or a prompt…',
        });
        const go = button('Check', () => run(() => qm.routes.post('check', { text: text.value })), {
            class: 'qm-button qm-primary',
        });
        const zone = el(
            'label',
            { class: 'qm-drop' },
            file,
            el('strong', { text: 'Drop an image here' }),
            el('span', {
                class: 'qm-muted',
                text: 'or choose one: what it was made with is read from it, the picture stays on this machine',
            }),
        );
        const result = el('div', { class: 'qm-result', 'aria-live': 'polite' });
        panel.append(
            el(
                'div',
                { class: 'qm-check' },
                zone,
                el('div', { class: 'qm-paste' }, text, el('div', { class: 'qm-actions' }, go)),
            ),
            result,
        );

        for (const name of ['dragenter', 'dragover']) {
            panel.addEventListener(name, (event) => {
                event.preventDefault();
                event.stopPropagation();
                zone.classList.add('qm-over');
            });
        }
        for (const name of ['dragleave', 'drop']) panel.addEventListener(name, () => zone.classList.remove('qm-over'));
        panel.addEventListener('drop', (event) => {
            event.preventDefault();
            event.stopPropagation(); // else the web UI takes the picture for img2img
            const dropped = [...event.dataTransfer.files].find((one) => one.type.startsWith('image/'));
            const words = event.dataTransfer.getData('text/plain');
            if (dropped) image(dropped);
            else if (words) {
                text.value = words;
                go.click();
            }
        });
        text.addEventListener('paste', (event) => {
            const pasted = [...event.clipboardData.files].find((one) => one.type.startsWith('image/'));
            if (pasted) {
                event.preventDefault();
                image(pasted);
            }
        });
        text.addEventListener('keydown', (event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                event.preventDefault();
                event.stopPropagation();
                go.click();
            }
        });

        const image = (picture) => run(() => qm.routes.postImage(picture), picture);

        async function run(ask, picture = null) {
            go.disabled = true;
            result.replaceChildren(el('p', { class: 'qm-muted', text: 'Looking…' }));
            try {
                const answer = await ask();
                if (picture && answer.text) text.value = answer.text;
                result.replaceChildren(...(answer.found === 'nothing' ? [nothing(picture)] : drawn(answer)));
            } catch (error) {
                result.replaceChildren(failed(error, null));
            }
            go.disabled = false;
            file.value = '';
        }

        const nothing = (picture) =>
            picture
                ? empty(
                      'Nothing is written in this image',
                      'It was saved without generation parameters, or another program removed them.',
                  )
                : empty('Nothing to check', 'Paste a prompt or the generation parameters of an image.');
        return {};
    }

    function drawn(answer) {
        const { el, empty } = qm.dom;
        const fields = Object.entries(answer.fields || {});
        return [
            answer.hub_error
                ? el('p', { class: 'qm-note', text: `The hub could not be asked: ${answer.hub_error}` })
                : null,
            servers(answer),
            answer.resources.length
                ? table(answer.resources)
                : empty('No models named', 'This text names no checkpoint, LoRA, embedding, VAE or ControlNet.'),
            fields.length
                ? el(
                      'details',
                      { class: 'qm-part qm-card' },
                      el('summary', { text: 'What the text says' }),
                      answer.prompt ? el('p', { class: 'qm-prompt', text: answer.prompt }) : '',
                      answer.negative
                          ? el('p', { class: 'qm-prompt qm-muted', text: `Negative: ${answer.negative}` })
                          : '',
                      el(
                          'dl',
                          { class: 'qm-facts' },
                          fields.flatMap(([name, value]) => [
                              el('dt', { text: name }),
                              el('dd', { text: String(value) }),
                          ]),
                      ),
                  )
                : '',
        ].filter(Boolean);
    }

    /** Which server can reproduce this: the fullest first, with what it lacks. */
    function servers(answer) {
        const { el } = qm.dom;
        if (!answer.servers?.length || !answer.resources.length) return null;
        const sorted = [...answer.servers].sort((a, b) => b.has / (b.of || 1) - a.has / (a.of || 1));
        const whole = sorted.filter((one) => one.has === one.of).map((one) => one.server_id);
        return el(
            'section',
            { class: 'qm-card' },
            el('h3', {
                text: whole.length ? `${whole.join(', ')} can reproduce this` : 'No server can reproduce this as it is',
            }),
            el(
                'ul',
                { class: 'qm-able' },
                sorted.map((one) =>
                    el(
                        'li',
                        {},
                        el('strong', { text: one.server_id }),
                        el(
                            'span',
                            { class: 'qm-bar qm-bar-small', role: 'img', 'aria-label': `${one.has} of ${one.of}` },
                            el('span', { class: 'qm-bar-fill', style: `width:${(100 * one.has) / (one.of || 1)}%` }),
                        ),
                        el('span', { text: `${one.has} of ${one.of}` }),
                        el('span', {
                            class: 'qm-muted',
                            text: [
                                one.missing?.length ? `lacks ${one.missing.join(', ')}` : '',
                                one.unsure?.length ? `unsure: ${one.unsure.join(', ')}` : '',
                            ]
                                .filter(Boolean)
                                .join(' · '),
                        }),
                    ),
                ),
            ),
        );
    }

    function table(resources) {
        const { el, pill, grade } = qm.dom;
        const status = (one) => {
            const [kind, words] = STATUS[one.status] || STATUS.unknown;
            return [
                pill(kind, words),
                one.servers?.length ? el('span', { class: 'qm-muted', text: ` ${one.servers.join(', ')}` }) : '',
            ];
        };
        return el(
            'table',
            { class: 'qm-table qm-resources' },
            el(
                'thead',
                {},
                el(
                    'tr',
                    {},
                    ['Kind', 'Model', 'Where', 'With this checkpoint'].map((text) => el('th', { scope: 'col', text })),
                ),
            ),
            el(
                'tbody',
                {},
                resources.map((one) =>
                    el(
                        'tr',
                        {},
                        el('td', { class: 'qm-role', text: ROLES[one.role] || one.role }),
                        el(
                            'td',
                            {},
                            el('strong', { text: one.name || '(no name)' }),
                            one.weight !== null && one.weight !== undefined
                                ? el('span', { class: 'qm-muted', text: ` × ${one.weight}` })
                                : '',
                            el('div', {
                                class: 'qm-muted qm-path',
                                text: [one.path, one.hash].filter(Boolean).join(' · '),
                            }),
                            one.note ? el('div', { class: 'qm-note qm-path', text: one.note }) : '',
                        ),
                        el('td', {}, ...status(one)),
                        el(
                            'td',
                            {},
                            one.grade
                                ? el(
                                      'span',
                                      { class: 'qm-verdict-line' },
                                      grade(one.grade, one.reason || ''),
                                      el('span', { class: 'qm-reason', text: one.reason || one.grade }),
                                  )
                                : '',
                        ),
                    ),
                ),
            ),
        );
    }

    qm.views = qm.views || [];
    qm.views.push({ id: 'check', label: 'Check', order: 4, make });
})();

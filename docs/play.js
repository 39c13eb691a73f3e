// A film is one picture with all states of a panel below each other; its slider says which of them is seen.
for (const film of document.querySelectorAll(".film")) {
    const [slider, said, picture] = ["input", "output", "img"].map((name) => film.querySelector(name));
    const states = JSON.parse(film.dataset.states);
    const show = () => {
        const at = Number(slider.value);
        picture.style.transform = `translateY(${(-100 * at) / states.length}%)`;
        picture.alt = states[at].alt;
        said.value = states[at].label;
        slider.setAttribute("aria-valuetext", states[at].label);
    };
    slider.addEventListener("input", show);
    show();
}

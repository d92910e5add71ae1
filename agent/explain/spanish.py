"""Spanish, as it is read on both sides of the Atlantic."""

from __future__ import annotations

from agent.explain.assessment_spanish import ASSESSMENT, ASSESSMENT_TITLES
from agent.explain.language import Language

TITLES = {
    "page.card": "Qué sale de este camión",
    "card.agreement": "Qué sale de este camión",
    "card.leaves": "Qué sale (para qué pregunta; cuántos días lo puede guardar la ciudad / el camión)",
    "card.questions": "Para qué preguntas (quién pregunta: para qué)",
    "card.when": "Cuándo sale",
    "card.never": "Qué no sale nunca",
    "card.found": "Qué se puede averiguar todavía",
    "card.pause": "Cómo hacer una pausa",
}

AGREEMENT = {
    "city": "{city}.",
    "identity": "Acuerdo de datos {id}, versión {version}, código {short}.",
    "stopped": "DETENIDO: ahora solo sale el estado de la caja, diga lo que diga el resto.",
    "groups": "Lo acordaron {groups}; aún sin firmas.",
    "until": "Su último día es el {date}.",
    "behind": (
        "Después vale {id}, versión {version}, código {short}, hasta el {date}: no deja salir más que este."
    ),
    "ended": "Después solo sale el estado de la caja.",
    "changes": "Un cambio vale desde el turno de otro día; solo «parar todo» vale al instante.",
}

STREAMS = {
    "stream": "{stream}",
    "track": "las calles por donde fue el camión, con una exactitud de {precision}.",
    "daily.track": "En tramos de {length} o más (menos entre dos huecos), con la fecha.",
    "timed.track.stretch": "En trozos de {every}, con la fecha.",
    "timed.track.minute": "En trozos de {every}, cada punto con su hora y minuto.",
    "timed.track.exact": "En trozos de {every}, cada punto con su hora, minuto y segundo.",
    "running": "El tiempo en marcha cuenta {stand} de cada parada como mucho y no muestra más de {ceiling}.",
    "stops.declared": "en cuáles de {points} puntos acordados paró, no cuánto tiempo.",
    "timed.stops.any": "dónde paró, en cuadros de {precision}, no cuánto tiempo.",
    "lifts": "cuántas veces trabajó el elevador en un día, en cuadros de {cell}.",
    "timed.passed": "los cuadros de {cell} por donde pasó, de dos en dos horas. Sale una hora más tarde.",
    "harsh_braking": (
        "cuadros de {cell} donde algún camión frenó fuerte, cuánto y en qué mes, no qué camión. Espera "
        "{held} y sale con su mes entero."
    ),
    "day": "cuánto anduvo en un día, con una exactitud de {precision}, y el tiempo en marcha.",
    "site_visits": "cuántas veces estuvo en {sites} en un día, y cuánto: {classes}.",
    "class.under": "menos de {most}",
    "class.between": "de {least} a {most}",
    "class.over": "más de {least}",
    "crew_report": (
        "lo que se avisa con un botón: peligro, calle bloqueada, nada afuera. Con el día y un cuadro de "
        "{cell}."
    ),
    "help": (
        "dónde está, exacto y al instante, hasta que termine la llamada, también en pausa y en lugares "
        "prohibidos."
    ),
    "timed.live": "dónde está el camión ahora, como cuadro de {cell}.",
    "box": "el estado de la caja: versión, memoria, lo perdido. No dónde estuvo.",
    "stream.until": "Solo hasta el {date}.",
    "asked.none": "ninguna pregunta",
    "asked.one": "pregunta {numbers}",
    "asked.several": "preguntas {numbers}",
    "stream.kept": "({asked}; {city_days} / {truck})",
}

QUESTIONS = {
    "question.number": "{number}",
    "question": "«{asks}» ({owner}: «{purpose}»)",
    "question.until": "Solo hasta el {date}.",
    "question.allowed": "Permitido: {uses}.",
    "question.forbidden": "Prohibido: {uses}.",
}

WHEN = {
    "daily.slots": (
        "Lo de un día sale un día posterior, a la primera de estas horas en que haya corriente y red: "
        "{slots} ({zone})."
    ),
    "daily.envelopes": "Siempre son {count} sobres de {size}, llenos o no.",
    "daily.silent.hours": "En horas de trabajo el camión calla.",
    "daily.silent.day": "Desde que empieza el turno el camión calla hasta que acaba el día, a las {starts}.",
    "timed.every": "Lo nuevo sale cada {every} mientras haya red, en pasos de {size}.",
    "fleet.slots": "Los frenazos salen aparte, sin nombre de camión, a las {slots}.",
    "help.at_once": "Una llamada de ayuda sale al instante.",
    "unsent": "Lo que no ha salido en {device} se borra.",
}

NEVER = {
    "never.hidden": "No sale nada de cuando {off}, ni de fuera de la zona de servicio.",
    "never.hidden.places": (
        "No sale nada de cuando {off}, ni de fuera de la zona de servicio, ni de un lugar prohibido: "
        "{places}."
    ),
    "off.both": "el interruptor o el contacto está apagado",
    "off.switch": "el interruptor está apagado",
    "place": "{name}",
    "place.margin": "{name} (y {margin} alrededor)",
    "never.trim": "Tampoco los {trim} del camino antes y después.",
    "daily.never.hidden": "Lo que pasa entonces o allí, y cuánto dura, no cambia nada de lo que sale.",
    "timed.never.hidden": (
        "Lo que pasa entonces o allí no cambia nada de lo que sale, pero se ve cuánto dura."
    ),
    "never.help": "De allí solo sale su llamada de ayuda.",
    "daily.never.time": "Ninguna hora del día.",
    "daily.never.time.help": "Ninguna hora del día, salvo la de una llamada de ayuda.",
    "daily.never.speed": "Ninguna velocidad en un lugar.",
    "daily.never.stand": "Ni cuánto tiempo estuvo parado.",
    "daily.never.stand.sites": "Ni cuánto tiempo estuvo parado, salvo en los sitios.",
    "never.way": "Ni por dónde fue el camión.",
    "never.names": "Ningún nombre, credencial, matrícula ni número de teléfono.",
    "never.raw": "Ni altura, ni rumbo, ni datos en bruto.",
    "never.other": "Ninguna clase de registro que no esté en esta página.",
}

FOUND = {
    "daily.found.detour": "Un desvío se ve, y un descanso en él también.",
    "daily.found.breaks": (
        "Dónde fue un descanso en la ruta debe quedar oculto: la prueba de ataque dice cuánto se logra. "
        "Quien sabe cuándo fue puede muchas veces hallar dónde."
    ),
    "daily.found.total": (
        "Quien conoce el inicio y el fin del turno puede calcular cuánto duraron todos los descansos."
    ),
    "daily.found.speed": "Se ve la velocidad media en marcha.",
    "daily.found.power": "Se ve si el camión tenía corriente y red a las horas fijas.",
    "daily.found.duty": "Se puede ver si a una de ellas ya había empezado el turno.",
    "daily.found.gap": (
        "Si la pausa termina en otro lugar se ve un hueco, pero no cuánto duró; un lugar prohibido "
        "también es un hueco."
    ),
    "timed.found.breaks": (
        "La llegada de los mensajes muestra cuándo está parado el camión. Se ven los descansos: cuándo y "
        "cuánto."
    ),
    "timed.found.breaks.where": (
        "La llegada de los mensajes muestra cuándo está parado el camión. Se ven los descansos: cuándo, "
        "dónde y cuánto."
    ),
    "timed.found.speed": "Se puede calcular la velocidad.",
    "timed.found.stops": "Un descanso es una parada como otra.",
    "timed.found.live": "Quien ve dónde está el camión ahora puede anotarlo y guardarlo.",
    "timed.found.link": "Se ve siempre si el camión tiene corriente y red.",
    "timed.found.gap": (
        "Si la pausa termina en otro lugar se ve un hueco; un lugar prohibido también es un hueco."
    ),
    "found.roster": "Quien sabe qué cuadrilla llevaba el camión sabe de quién son los registros.",
    "found.square": "Si por un cuadro pasa un solo camión, un frenazo allí fue suyo.",
    "found.square.joined": (
        "El lugar de un frenazo puede decir qué camión fue, sobre todo donde pasa uno solo."
    ),
    "found.lifts": "Los contenedores de un día se pueden sumar; un cuadro con uno solo muestra si se vació.",
    "found.sites": "Un descanso en un sitio alarga la visita, salvo con el interruptor apagado.",
    "found.stops.declared": "Un descanso cerca de un punto acordado se ve allí como parada.",
    "found.outside": (
        "Ninguna computadora impide un uso prohibido. Se puede seguir al camión, la compañía de teléfono "
        "sabe dónde está su módem, y quien cambie el programa puede cambiarlo todo."
    ),
}

PAUSE = {
    "records": "El camión graba solo con {on}.",
    "records.hours": "El camión graba solo con {on}, y solo {hours}.",
    "on.both": "el contacto puesto y el interruptor encendido",
    "on.switch": "el interruptor encendido",
    "hours.span": "de {begins} a {ends}",
    "pause.switch": "Interruptor apagado: pausa. Encendido: sigue.",
    "pause.button": (
        "Si es un botón que vuelve solo: apretar una vez para la pausa y otra para seguir; quitar y poner"
        " el contacto también hace seguir."
    ),
    "pause.at_once": "Vale en un segundo, no hay que dar motivo y nadie puede quitarla desde lejos.",
    "daily.pause.trace": "Si sigue a menos de {stitch} de donde paró, la pausa no deja rastro.",
    "timed.pause.shows": "Se puede ver cuánto dura la pausa.",
    "timed.pause.gap": "El camino no tiene hueco si sigue a menos de {stitch} de donde paró.",
    "pause.light": "Luz encendida: graba. Luz apagada: no graba.",
}


def _listed(words: list[str]) -> str:
    """`a`, `a y b`, `a, b y c`; `e` in place of `y` where the same sound follows."""
    *before, last = words or [""]
    if not before:
        return last
    joins = "e" if _sounds_like_y(last.lower()) else "y"
    return f"{', '.join(before)} {joins} {last}"


def _sounds_like_y(word: str) -> bool:
    return word.startswith(("i", "í", "hi", "hí")) and not word.startswith(("hie", "hia", "ia", "ie", "io"))


SPANISH = Language(
    code="es",
    sentences=AGREEMENT | STREAMS | QUESTIONS | WHEN | NEVER | FOUND | PAUSE | ASSESSMENT,
    titles=TITLES | ASSESSMENT_TITLES,
    months=(
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ),
    date="{day} de {month} de {year}",
    units={"B": "bytes", "day": "día", "days": "días"},
    listed=_listed,
)

"""Spanish, for those who assess: longer words than the card's."""

from __future__ import annotations

ASSESSMENT_TITLES = {
    "page.dpia": "Datos para una evaluación de impacto (RGPD, artículo 35.7)",
    "dpia.about": "El acuerdo",
    "dpia.description": "Descripción sistemática (artículo 35.7.a)",
    "dpia.purposes": "Fines, y quién pregunta (artículo 35.7.a)",
    "dpia.fields": "Necesidad y proporcionalidad, campo por campo (artículo 35.7.b)",
    "dpia.never": "Qué no sale nunca (artículo 35.7.b)",
    "dpia.people": "Personas afectadas y destinatarios (artículo 35.7.a y c)",
    "dpia.risks": "Riesgos, medidas y lo que queda (artículo 35.7.c y d)",
    "dpia.decided": "Quién decidió, y hasta cuándo",
    "dpia.open": "Lo que el acuerdo no puede decir y la ciudad debe añadir",
    "column.question": "pregunta",
    "column.asks": "qué pregunta",
    "column.owner": "quién pregunta",
    "column.purpose": "fin",
    "column.allowed": "usos permitidos",
    "column.forbidden": "usos prohibidos",
    "column.until": "hasta",
    "column.needs": "clases de registro",
    "column.field": "campo",
    "column.says": "qué dice, y con qué exactitud",
    "column.kept": "lo guarda la ciudad; el camión",
    "column.risk": "riesgo",
    "column.measures": "medidas",
    "column.remains": "lo que queda",
}

_DESCRIPTION = {
    "about.inputs": (
        "Cada frase de abajo se sigue de este acuerdo. Son datos para la evaluación, no la evaluación misma."
    ),
    "about.system": (
        "Una computadora en cada camión lee un receptor de satélite y los interruptores del camión, y "
        "publica registros por MQTT."
    ),
    "about.memory": (
        "Decide en la memoria qué puede salir. Lo que no puede salir no llega nunca al disco, ni a la "
        "red, ni a su diario."
    ),
    "about.streams": "Clases de registro acordadas: {streams}.",
    "about.day": "El día de servicio empieza a las {starts} ({zone}).",
    "about.sites": "Sitios declarados: {sites}.",
    "daily.about.envelopes": "Sobres de un día: {counts}.",
    "count": "{stream} {count}",
    "about.heading": (
        "Cada mensaje lleva además el nombre, la versión y el SHA-256 del acuerdo, una marca al azar de "
        "la memoria del camión, un número y la huella del mensaje anterior. El tema nombra al camión. En "
        "harsh_braking no, y la marca es otra en cada salida."
    ),
    "question.id": "{id}",
    "words": "{words}",
}

_FIELDS = {
    "field": "{name}",
    "field.purpose": "{purposes}",
    "field.purpose.box": "Ver que la caja funciona. Todo acuerdo lo tiene.",
    "field.kept": "{city}; {truck} como mucho",
    "field.date": "El día de servicio, que empieza a las {starts} ({zone}).",
    "field.stretch": "El número del tramo dentro de su día.",
    "field.running_s": (
        "El tiempo en marcha, en pasos de {step}. Una parada cuenta {stand} como mucho; no se ve más de "
        "{ceiling}."
    ),
    "field.path": "La línea, a menos de {precision} del camino que dio el receptor.",
    "field.s.minute": "La hora de cada punto, al minuto.",
    "field.s.exact": "La hora de cada punto, al segundo.",
    "field.cell": "El centro de un cuadro de {cell}.",
    "field.square": "El centro de un cuadro de {precision}.",
    "field.declared": "Uno de {points} puntos acordados.",
    "field.exact": "El lugar exacto, mientras dure la llamada.",
    "field.count": "Cuántas veces trabajó el elevador en el cuadro.",
    "field.window": "Dos horas del día.",
    "field.month": "El mes.",
    "field.severity": "Con cuánta fuerza, en clases.",
    "field.corroborated": "Si el receptor de satélite también lo vio.",
    "field.distance_m": "Metros de la línea publicada, con una exactitud de {precision}.",
    "field.stretches": "Cuántos tramos.",
    "field.site": "Qué sitio declarado.",
    "field.visits": "Cuántas visitas.",
    "field.dwell_class": "Cuánto tiempo, como clase: {classes}.",
    "field.kind": "Qué se avisó: peligro, calle bloqueada, nada afuera.",
    "field.utc": "La fecha y la hora, al segundo.",
    "field.state": "Si la llamada empezó, sigue o terminó.",
    "field.version": "La versión del programa.",
    "field.agreement": "El nombre del acuerdo que rige.",
    "field.self_test": "El resultado de la autoprueba.",
    "field.storage": "El estado de la memoria.",
    "field.certificate_days": "Cuántos días vale todavía el certificado.",
    "field.lost": "Cuántos registros se perdieron, por causa.",
}

_PEOPLE = {
    "people.crews": (
        "Las cuadrillas: quienes conducen o cargan el camión. Todo registro es un dato personal, pues la "
        "lista de turnos lo une a ellas."
    ),
    "people.residents": "Los vecinos: donde un cuadro tiene una sola casa, un registro de él habla de ellos.",
    "people.owners": "Destinatarios en la ciudad: {owners}, cada uno para sus preguntas.",
    "daily.people.broker": (
        "Quien lleva el servidor de mensajes ve además qué certificado de camión se conectó, solo a las "
        "horas fijas."
    ),
    "timed.people.broker": (
        "Quien lleva el servidor de mensajes ve además qué certificado de camión está conectado, y cuándo."
    ),
    "people.carrier": "La compañía de teléfono ve dónde está el módem, diga lo que diga el acuerdo.",
}

_RISKS = {
    "risk.hidden": "Vigilar a las personas fuera de servicio o en lugares prohibidos",
    "risk.breaks": "Vigilar los descansos",
    "risk.speed": "Medir la velocidad",
    "risk.work": "Medir cuánto trabaja una cuadrilla",
    "risk.identity": "Unir los registros a una persona",
    "risk.braking": "Culpar a quien conduce de un frenazo",
    "risk.misuse": "Usarlo para otra cosa",
    "risk.kept": "Guardarlo demasiado tiempo",
    "remains.hidden": "Se puede ver que de allí no sale nada.",
    "daily.measure.breaks": (
        "Un día sale otro día posterior, en un número fijo de sobres de un mismo tamaño, sin hora del día."
    ),
    "timed.measure.breaks": (
        "Ninguna: así los registros muestran las paradas cuando ocurren, y el acuerdo lo acepta."
    ),
    "daily.measure.speed": (
        "No se dice ningún tiempo de menos de {length}, salvo el que decide solo el largo."
    ),
    "measure.work": "Los elevadores se cuentan por día y cuadro de {cell}, sin hora.",
    "measure.braking": (
        "Solo cuadros de {cell} y el mes. Esperan {held} y salen con el mes entero, ordenados por lugar, "
        "bajo el tema de la flota, sin camión y numerados cada vez de nuevo."
    ),
    "measure.misuse": "Ningún uso cambia sin una versión nueva, que deben acordar {groups}.",
    "measure.kept": (
        "Las copias del camión se borran tras los días dichos arriba. La ciudad debe hacer lo mismo."
    ),
    "remains.kept": "El camión no puede borrar lo que la ciudad ya tiene.",
}

_OPEN = {
    "open.basis": (
        "La base jurídica del tratamiento (artículos 6 y 9), y por qué no basta un medio más suave."
    ),
    "open.views": "La opinión de las cuadrillas y de quienes las representan (artículo 35.9).",
    "open.officer": "El consejo de la persona delegada de protección de datos (artículo 35.2).",
    "open.processors": (
        "Los encargados y sus contratos (artículo 28), y dónde están el servidor de mensajes y el receptor."
    ),
    "open.deletion": "Quién borra en la ciudad, cuándo, y quién lo comprueba.",
}

ASSESSMENT = _DESCRIPTION | _FIELDS | _PEOPLE | _RISKS | _OPEN

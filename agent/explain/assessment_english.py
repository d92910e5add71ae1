"""English, for those who assess: longer words than the card's."""

from __future__ import annotations

ASSESSMENT_TITLES = {
    "page.dpia": "Inputs of a data-protection impact assessment (GDPR Article 35(7))",
    "dpia.about": "The agreement",
    "dpia.description": "Systematic description (Article 35(7)(a))",
    "dpia.purposes": "Purposes, and who asks (Article 35(7)(a))",
    "dpia.fields": "Necessity and proportionality, field by field (Article 35(7)(b))",
    "dpia.never": "What never leaves (Article 35(7)(b))",
    "dpia.people": "Data subjects and recipients (Article 35(7)(a) and (c))",
    "dpia.risks": "Risks, measures, and what remains (Article 35(7)(c) and (d))",
    "dpia.decided": "Who decided, and until when",
    "dpia.open": "What the agreement cannot say: for the city to add",
    "column.question": "question",
    "column.asks": "asks",
    "column.owner": "owner",
    "column.purpose": "purpose",
    "column.allowed": "allowed uses",
    "column.forbidden": "forbidden uses",
    "column.until": "until",
    "column.needs": "kinds of record",
    "column.field": "field",
    "column.says": "what it says, and how exactly",
    "column.kept": "kept by the city; on the truck",
    "column.risk": "risk",
    "column.measures": "measures",
    "column.remains": "what remains",
}

_DESCRIPTION = {
    "about.inputs": "Every sentence below follows from this agreement. They are inputs, not the assessment.",
    "about.system": (
        "A computer in each truck reads a satellite receiver and the truck’s switches, and publishes "
        "records over MQTT."
    ),
    "about.memory": (
        "It decides in memory what may leave. What may not is never written to its disk, nor sent, nor "
        "logged."
    ),
    "about.streams": "Kinds of record agreed on: {streams}.",
    "about.day": "A service day begins at {starts} ({zone}).",
    "about.sites": "Declared sites: {sites}.",
    "daily.about.envelopes": "Envelopes of a day: {counts}.",
    "count": "{stream} {count}",
    "about.heading": (
        "Every payload also carries the agreement’s id, version and SHA-256, a random mark of the truck’s"
        " buffer, a number, and the hash of the payload before. The topic names the truck. For "
        "harsh_braking it does not, and the mark is another one at each release."
    ),
    "question.id": "{id}",
    "words": "{words}",
}

_FIELDS = {
    "field": "{name}",
    "field.purpose": "{purposes}",
    "field.purpose.box": "To see that the box works. Every agreement has it.",
    "field.kept": "{city}; {truck} at most",
    "field.date": "The service day, which begins at {starts} ({zone}).",
    "field.stretch": "The number of the stretch within its day.",
    "field.running_s": (
        "Time on the move, in steps of {step}. A standstill counts {stand} at most; no more than "
        "{ceiling} shows."
    ),
    "field.path": "The line, within {precision} of the way that the receiver gave.",
    "field.s.minute": "The time of day of each point, to the minute.",
    "field.s.exact": "The time of day of each point, to the second.",
    "field.cell": "The centre of a square of {cell}.",
    "field.square": "The centre of a square of {precision}.",
    "field.declared": "One of {points} agreed points.",
    "field.exact": "The exact place, for as long as the call lasts.",
    "field.count": "How often the lift worked in the square.",
    "field.window": "Two hours of the day.",
    "field.month": "The month.",
    "field.severity": "How hard, in classes.",
    "field.corroborated": "Whether the satellite receiver saw it too.",
    "field.distance_m": "Metres along the published line, to {precision}.",
    "field.stretches": "How many stretches.",
    "field.site": "Which declared site.",
    "field.visits": "How many visits.",
    "field.dwell_class": "How long, as a class: {classes}.",
    "field.kind": "What was reported: a hazard, a blocked way, nothing put out.",
    "field.utc": "Date and time of day, to the second.",
    "field.state": "Whether the call was raised, goes on, or was cleared.",
    "field.version": "The version of the software.",
    "field.agreement": "The id of the agreement in force.",
    "field.self_test": "The result of the self-test.",
    "field.storage": "The state of the storage.",
    "field.certificate_days": "How many days the certificate still holds.",
    "field.lost": "How many records were lost, by cause.",
}

_PEOPLE = {
    "people.crews": (
        "Crews: whoever drives or loads the truck. Every record is personal data, for a roster links it "
        "to them."
    ),
    "people.residents": "Residents: where a square holds one household, a record of it is about them.",
    "people.owners": "Recipients in the city: {owners}, each for its own questions.",
    "daily.people.broker": (
        "Whoever runs the broker also sees which truck’s certificate connected, at the fixed times alone."
    ),
    "timed.people.broker": (
        "Whoever runs the broker also sees which truck’s certificate is connected, and when."
    ),
    "people.carrier": "The phone company sees where the modem is, whatever the agreement says.",
}

_RISKS = {
    "risk.hidden": "Watching people off duty, or at places that are off limits",
    "risk.breaks": "Watching breaks",
    "risk.speed": "Measuring speed",
    "risk.work": "Measuring how much a crew works",
    "risk.identity": "Linking records to a person",
    "risk.braking": "Blaming a driver for hard braking",
    "risk.misuse": "Use for something else",
    "risk.kept": "Keeping for too long",
    "remains.hidden": "That nothing leaves from there can itself be seen.",
    "daily.measure.breaks": (
        "A day leaves on a later day, in a fixed number of envelopes of one size, without a time of day."
    ),
    "timed.measure.breaks": (
        "None: this release shows standstills as they happen, and the agreement accepts that."
    ),
    "daily.measure.speed": (
        "No time is told for less than {length}, but for one that the length alone decides."
    ),
    "measure.work": "Lifts are counted by day and square of {cell}, without a time.",
    "measure.braking": (
        "Squares of {cell} and the month alone. Held for {held}, then sent with the whole month, sorted "
        "by place, under the fleet’s topic, with no truck, and numbered anew each time."
    ),
    "measure.misuse": "No use changes but by a new version, for {groups} to agree on.",
    "measure.kept": (
        "Receipts on the truck go after the days named above. The city must do the same on its side."
    ),
    "remains.kept": "The truck cannot delete what the city already has.",
}

_OPEN = {
    "open.basis": "The legal basis of the processing (Articles 6 and 9), and why no milder means would do.",
    "open.views": "The views of the crews and of those who speak for them (Article 35(9)).",
    "open.officer": "The advice of the data-protection officer (Article 35(2)).",
    "open.processors": (
        "Processors and their contracts (Article 28), and where the broker and the receiver stand."
    ),
    "open.deletion": "Who deletes at the city, when, and who checks it.",
}

ASSESSMENT = _DESCRIPTION | _FIELDS | _PEOPLE | _RISKS | _OPEN

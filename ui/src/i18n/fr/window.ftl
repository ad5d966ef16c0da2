# Tout ce que dit la fenêtre, groupé par partie.
account-label = Compte
account-choose = Compte utilisé
registration-registered = Prêt
registration-registering = Connexion…
registration-offline = Hors ligne
registration-retrying = Nouvelle tentative…
registration-password-needed = Mot de passe requis
registration-stopped = Non connecté
reconnect = Reconnecter
connect = Se connecter
voicemail-new = { $count ->
    [one] { $count } nouveau message vocal
   *[other] { $count } nouveaux messages vocaux
}
voicemail-listen = { $count ->
    [one] { $count } nouveau message vocal : écouter
   *[other] { $count } nouveaux messages vocaux : écouter
}
sandbox-badge = Bac à sable : ni argent ni téléphones réels
password-empty = Saisissez le mot de passe.

storage-title = Votre historique
storage-choose = Cet ordinateur n’a pas de trousseau pour garder une clé. Choisissez une phrase secrète qui ferme votre historique, ou ne gardez pas d’historique. Tern ne le garde jamais en clair.
storage-choose-plain = Cet ordinateur n’a pas de trousseau pour garder une clé, et une version précédente a gardé votre historique en clair. Choisissez une phrase secrète pour le fermer. Sans historique, ce fichier reste tel quel.
storage-passphrase-needed = Votre historique est fermé par une phrase secrète.
storage-keyring-closed = La clé de votre historique est dans le trousseau, qui est verrouillé ou ne répond pas.
storage-key-lost = Il y a un historique sur cet ordinateur, mais le trousseau n’en a plus la clé. Si vous l’avez fermé par une phrase secrète, saisissez-la.
storage-passphrase = Phrase secrète
storage-passphrase-new = Nouvelle phrase secrète
storage-passphrase-hint = Au moins 8 caractères. Sans elle, personne ne peut ouvrir l’historique, et elle est demandée à chaque démarrage.
storage-passphrase-again = La même phrase secrète encore une fois
storage-passphrase-empty = Saisissez la phrase secrète.
storage-passphrase-differs = Les deux phrases secrètes diffèrent. Saisissez-les à nouveau.
storage-open = Ouvrir
storage-ask-keyring = Demander à nouveau au trousseau
storage-anew = Commencer un nouvel historique
storage-anew-why = Le fichier qui ne s’ouvre pas est conservé à côté d’un nouvel historique. Messages et appels reviennent de votre fournisseur dès que vous avez ajouté vos comptes.
storage-anew-keyring = Confier la clé au trousseau
storage-back = Retour
storage-no-history = Continuer sans historique

numbers-label = Vos numéros
numbers-all =
    { $count ->
        [one] Afficher le numéro
       *[other] Afficher les { $count } numéros
    }
numbers-fewer = En afficher moins
number-copy = Copier { $number }
copied = Copié
number-renews = renouvelé le { $date }
number-not-covered = Le solde ne suffit pas pour le renouveler le { $date }.
number-ends = prend fin le { $date }
number-ends-soon =
    { $days ->
        [0] Prend fin aujourd’hui.
        [1] Prend fin demain.
       *[other] Prend fin dans { $days } jours.
    }
number-restorable = Expiré. Peut être rétabli jusqu’au { $date }.
number-restorable-for = Expiré. { $price } pour le rétablir, jusqu’au { $date }.
number-suspended = En pause tant que le solde n’est pas positif.
numbers-month = 30 prochains jours : { $price }
numbers-month-short = 30 prochains jours : { $price }, plus que le solde
number-inactive = inactif

balance-label = Solde
balance-stale = Relevé à { $time }, a pu changer
add-funds = Recharger
amount-presets = Montants proposés
amount-label = Montant, { $currency }
amount-hint = De { $least } à { $most }
amount-no-number = Saisissez un montant, par exemple 25 ou 25,50.
amount-outside = Saisissez un montant de { $least } à { $most }.
topup-how = La page de paiement de l’opérateur s’ouvre dans votre navigateur. Vous y payez ; Tern ne voit jamais votre carte.
topup-confirm = Continuer avec { $amount }
topup-confirm-blank = Continuer
topup-opened = Payez dans votre navigateur
topup-opened-what = Ne payez que sur cette page. Le solde suivra de lui-même après le paiement ; vous pouvez fermer ceci.
topup-reopen = Rouvrir
topup-close = Fermer
topup-done = Payé. Votre solde est à jour.
topup-waiting = { $amount } à payer sur { $host }
topup-paid = { $amount } payés ; le solde va suivre
topup-not-added = Le paiement a été refusé ou abandonné ; votre solde n’a pas changé.
deleted-there =
    L’opérateur a supprimé { $deleted ->
        [one] { $deleted } message
       *[other] { $deleted } messages
    }.
deleted-there-partly =
    L’opérateur a supprimé { $deleted ->
        [one] { $deleted } message
       *[other] { $deleted } messages
    } et en garde { $refused }.
funds-added = { $amount } ajoutés à votre solde.

dialer-label = Composer
dial-input = Numéro, nom ou adresse à appeler
dial-placeholder = Tapez ou collez un numéro
dial-erase = Effacer le dernier caractère
dial-call = Appeler
target-line-mobile = mobile
target-line-toll-free = numéro vert
target-line-premium = numéro surtaxé
target-line-shared-cost = coût partagé
target-minute = { $price } la minute
target-free = gratuit
target-no-price = prix inconnu
target-price-old = Selon le fournisseur, le { $date }
target-minutes =
    { $count ->
        [0] pas de quoi payer une minute
        [one] de quoi payer { $count } minute
       *[other] de quoi payer { $count } minutes
    }
target-shown = Votre correspondant voit { $number }
target-hidden-withheld = Votre numéro n’est pas affiché : vous le masquez.
target-hidden-service-off = Votre numéro n’est pas affiché : son identification de l’appelant est désactivée.
target-hidden-other-country = Votre numéro n’est pas affiché : il ne l’est que dans son propre pays.
target-hidden-provider-says = Votre numéro n’est pas affiché : votre fournisseur en montre un autre, ou aucun.
echo-test = Appeler le test d’écho
keypad = Clavier

call-label = Appel
call-none = Préparation de l’appel…
call-controls = Commandes de l’appel
call-mute = Couper le micro
call-unmute = Rétablir le micro
call-hold = Attente
call-resume = Reprendre
call-transfer = Transférer
call-record = Enregistrer
call-record-stop = Ne plus enregistrer
call-recording = Enregistrement
call-join = Réunir les appels
call-split = Parler à part
call-joined = Conférence de { $count } appels sur cet ordinateur
call-short-joined = en conférence
security-full = Chiffré
security-keys = Chiffré, mais les clés ont voyagé sans protection
security-none = Non chiffré
call-hangup = Raccrocher
call-again = Rappeler
call-return = Revenir à l’appel
calls-list = Appels
call-state-outgoing-dialing = Numérotation…
call-state-outgoing-ringing = Ça sonne…
call-state-outgoing-connecting = Connexion…
call-state-outgoing-connected = En ligne
call-state-outgoing-redirected = Joignable ailleurs. Appeler là-bas ?
call-state-incoming-dialing = Appel entrant
call-state-incoming-ringing = Appel entrant
call-state-incoming-connecting = Connexion…
call-state-incoming-connected = En ligne
call-state-incoming-redirected = Appel entrant
call-held-here = En attente
call-held-there = Votre correspondant vous a mis en attente
call-held-both = En attente des deux côtés
call-diverted = Renvoyé par { $name }
transfer-title = Transférer { $name }
transfer-to = À qui
transfer-hint = Numéro, nom ou adresse. La mise en relation est immédiate et vous quittez l’appel.
transfer-empty = Saisissez un numéro, un nom ou une adresse.
transfer-now = Transférer maintenant
transfer-join = Mettre en relation avec { $name }
transfer-ask-first = Demander d’abord : mettre en attente et composer
transfer-asked = Transfert vers { $name }…
transfer-trying = Appel de { $name }…
transfer-ringing = Ça sonne chez { $name }…
transfer-done = Transféré vers { $name }
transfer-failed = { $name } n’a pas pu être joint ; votre appel est toujours là.
transfer-wanted = { $from } vous demande de parler plutôt à { $to }.
transfer-accept = Appeler
transfer-refuse = Rester ici
redirect-list = Où d’autre
redirect-follow = Appeler { $name }
call-short-dialing = numérotation
call-short-ringing = ça sonne
call-short-connecting = connexion
call-short-connected = en ligne
call-short-held = en attente
call-short-redirected = ailleurs
call-short-ended = terminé
call-ended-by-local = Vous avez raccroché
call-ended-by-remote = Votre correspondant a raccroché
call-ended-by-network = La connexion a été perdue
call-ended-missed = Manqué
call-ended-declined = Refusé
call-ended-busy = Occupé
call-ended-unanswered = Sans réponse
call-ended-failed = L’appel n’a pas abouti
level-in = Votre micro
level-out = Votre correspondant
quality-good = Bonne qualité
quality-fair = Qualité moyenne
quality-poor = Mauvaise qualité
quality-mos = Note (1 à 4,5)
quality-loss = Paquets perdus
quality-concealed = Son reconstitué
quality-delay = De bouche à oreille
quality-jitter = Gigue
quality-gaps = Coupures de cet ordinateur
quality-unusable = Paquets inutilisables
quality-ways = Connexion retrouvée
quality-ms = { $ms } ms
quality-side-here = Le réseau perd une partie de ce que dit { $name }.
quality-side-there = { $name } vous entend mal : une partie de vos paroles se perd en route.
quality-side-both = Le réseau perd du son dans les deux sens.
silence-microphone-here = Votre micro ne donne aucun son. Est-il branché et allumé ? Choisissez-en un autre dans les réglages.
silence-muted-there = { $name } a coupé son micro.
silence-microphone-there = Le micro de { $name } ne donne aucun son.
silence-blocked-path = Le son de { $name } n’arrive pas. Un pare-feu le bloque peut-être en route.
round-trip = délai de { $ms } ms
incoming = Appel entrant
incoming-on = Appel entrant sur { $number }
incoming-hold-answer = Attente et répondre
incoming-answer = Répondre
incoming-decline = Refuser
incoming-keys = Alt+A pour répondre, Alt+D pour refuser

activity = Activité récente
activity-search = Rechercher
activity-search-close = Fermer la recherche
activity-search-placeholder = Mots, noms, numéros
activity-found =
    { $count ->
        [one] { $count } résultat
       *[other] { $count } résultats
    }
activity-found-more = Les { $count } plus récents
activity-none-found = Rien trouvé
activity-none-found-what = Essayez avec moins de mots, ou plus courts : chacun peut être le début d’un mot.
activity-loading = Chargement de l’activité récente
activity-empty = Rien pour l’instant
activity-empty-what = Messages, appels et paiements apparaîtront ici au fil de l’eau.
activity-empty-filter = Rien de ce type
new-message = Nouveau message
calls-seen = Marquer comme vus
filter = Afficher
filter-all = Tout
filter-sms = SMS
filter-calls = Appels
filter-money = Argent
unread = Pas encore vu
today = Aujourd’hui
yesterday = Hier
history-loading = Chargement de l’activité plus ancienne… { $rows }
history-loading-of = Chargement de l’activité plus ancienne… { $rows } sur { $total }
load-older = Charger plus ancien
retry = Réessayer
stale-since = Dernière mise à jour à { $time }.
row-call-incoming-answered = Appel entrant
row-call-incoming-missed = Appel manqué
row-call-incoming-declined = Appel refusé
row-call-incoming-busy = Manqué, ligne occupée
row-call-incoming-unanswered = Appel manqué
row-call-incoming-failed = Échec d’un appel entrant
row-call-outgoing-answered = Appel sortant
row-call-outgoing-missed = Sans réponse
row-call-outgoing-declined = Refusé
row-call-outgoing-busy = Occupé
row-call-outgoing-unanswered = Sans réponse
row-call-outgoing-failed = Échec de l’appel
row-voicemail = message vocal { $time }
voicemail-play = Écouter le message vocal
row-gap = Il manque peut-être quelque chose
row-gap-since = Depuis { $since } jusqu’ici, Tern est resté arrêté plus longtemps que l’opérateur ne garde ses relevés.
row-money-order = Numéro commandé
row-money-renewal = Numéro renouvelé
row-money-restore = Numéro rétabli
row-money-call = Coût d’un appel
row-money-sms = Coût d’un SMS
row-money-top-up = Fonds ajoutés
row-money-cashback = Cashback
row-money-refund = Remboursement
row-money-adjustment = Ajustement
row-sms-received = Reçu :
row-sms-queued = En attente :
row-sms-sending = Envoi :
row-sms-sent = Vous :
row-sms-delivered = Vous :
row-sms-failed = Non envoyé :
row-sms-unknown = Incertain :

thread-with = Conversation avec { $peer }
thread-via = sur { $number }
thread-call = Appeler
thread-log = Messages et appels
thread-loading = Ouverture de la conversation
thread-no-reply = Cet expéditeur est un nom, pas un numéro : impossible de répondre.
back = Retour
composer = Message
composer-placeholder = Écrire un message
composer-hint = Entrée envoie, Maj+Entrée va à la ligne
composer-size =
    { $parts } SMS, encore { $left } { $left ->
        [one] caractère
       *[other] caractères
    }
composer-left-hour = encore { $count } cette heure-ci
composer-left-day = encore { $count } aujourd’hui
composer-next = partira à { $time }
send = Envoyer
sms-state-received = Reçu
sms-state-queued = En attente
sms-leaves-at = Partira à { $time }
sms-leaves-on = Partira le { $day } à { $time }
sms-state-sending = Envoi
sms-state-sent = Envoyé
sms-state-delivered = Remis
sms-state-failed = Non envoyé
sms-state-unknown = Incertain
sms-why-failed = Ce message n’a pas été envoyé.
sms-why-unknown = On ne sait pas s’il est arrivé. Tern le vérifie et ne l’enverra pas deux fois.
message-retry = Renvoyer
compose-to = À
compose-from = Depuis votre numéro
compose-no-number = Aucun numéro pour les SMS
compose-no-number-what = Ce compte n’a aucun numéro pouvant envoyer des messages.

settings = Réglages
settings-accounts = Comptes
settings-general = Général
settings-language = Langue
settings-appearance = Apparence
settings-sound = Son
settings-microphone = Micro
settings-speaker = Haut-parleur
settings-ringer = Sonnerie
sound-check = Tester le micro
sound-check-stop = Arrêter
sound-check-hint = Parlez : vous vous entendrez une seconde après.
sound-check-going = Parlez maintenant. Vous n’entendez rien ? Choisissez un autre micro ou haut-parleur ci-dessus.
level-back = Ce que vous entendez
settings-ring-everywhere = Sonner sur tous les haut-parleurs
settings-ring-everywhere-hint = L’appel s’entend même quand le casque est posé sur la table.
settings-echo = Supprimer l’écho
settings-echo-hint = Évite que l’autre s’entende dans votre haut-parleur.
settings-noise = Réduire le bruit
settings-noise-hint = Atténue ventilateurs, circulation et autres bruits.
settings-gain = Égaliser ma voix
settings-gain-hint = Renforce un micro faible et adoucit un micro trop fort.
settings-calls = Appels
settings-hold = En attente, l’autre entend
settings-hold-music = De la musique
settings-hold-silence = Presque rien
settings-hold-file = Un fichier audio
settings-hold-path = Fichier audio
settings-hold-path-hint = WAV ou Opus, joué en boucle.
settings-record-format = Enregistrements
settings-record-wav = WAV (11 Mo par minute)
settings-record-opus = Opus (0,4 Mo par minute)
settings-record-tone = Bip pendant l’enregistrement
settings-record-tone-hint = Les deux côtés l’entendent. Dans bien des pays, il faut prévenir la personne enregistrée.
settings-recordings-folder = Dossier des enregistrements
settings-recordings-folder-hint = Vide : le dossier habituel.
settings-network = Réseau
settings-ports = Ports UDP pour le son
settings-ports-hint = Seulement si un pare-feu l’exige. Chaque appel en prend deux.
settings-ports-wrong = Deux nombres de 1024 à 65535, par exemple 10000-10100.
settings-notifications = Notifications
settings-show-text = Afficher le texte des messages
settings-show-text-hint = Sinon, une notification indique seulement qui a écrit.
settings-code = Les codes copiés restent dans le presse-papiers
settings-code-30 = 30 secondes
settings-code-60 = 1 minute
settings-code-300 = 5 minutes
settings-code-never = Jusqu’à la copie suivante
code-copy = Copier { $code }
code-copied = Copié
settings-quiet = Silence
settings-quiet-all = Ne pas déranger
settings-quiet-all-hint = Rien ne sonne et aucune notification n’apparaît. Ce qui arrive entre-temps est dans l’activité récente.
settings-quiet-favourites = Les favoris sonnent quand même
settings-quiet-favourites-hint = Les appels des personnes marquées d’une étoile dans les contacts.
settings-quiet-number = Mettre { $number } en silence
settings-quiet-hours = Heures calmes
settings-quiet-from = De
settings-quiet-to = À
settings-quiet-remove = Supprimer ces heures calmes
settings-quiet-days = Jours où elles commencent
settings-quiet-for = Pour
settings-quiet-every = Tous les numéros
settings-quiet-zone = Selon l’heure
settings-quiet-zone-here = de l’endroit où je suis
settings-quiet-zone-number = du pays du numéro
settings-quiet-add = Ajouter des heures calmes
settings-quiet-day-monday = lun
settings-quiet-day-tuesday = mar
settings-quiet-day-wednesday = mer
settings-quiet-day-thursday = jeu
settings-quiet-day-friday = ven
settings-quiet-day-saturday = sam
settings-quiet-day-sunday = dim
as-system = Suivre le système
appearance-light = Clair
appearance-dark = Sombre
device-default = Par défaut
device-default-named = Par défaut ({ $name })
device-in-use = En attendant, les appels passent par { $name }.
device-missing = Appareil choisi (débranché)

account-add = Ajouter un compte SIP
account-add-lead = Votre opérateur vous fournit un nom d’utilisateur, un domaine et un mot de passe.
account-user = Nom d’utilisateur
account-user-empty = Saisissez le nom d’utilisateur.
account-user-wrong = Seulement la partie avant @, sans espaces.
account-domain = Domaine
account-domain-empty = Saisissez le domaine.
account-domain-wrong = Ce n’est pas un domaine, par exemple sip.example.net.
account-password = Mot de passe
account-proxy = Proxy (facultatif)
account-proxy-hint = Hôte ou hôte:port, s’il diffère du domaine ; plusieurs séparés par des virgules.
account-proxy-wrong = Ce n’est ni un hôte ni hôte:port.
account-more = Plus sur la connexion
account-transport = Connexion
transport-auto = Automatique
transport-udp = UDP
transport-tcp = TCP
transport-tls = TLS (chiffré)
account-ca-file = Fichier d’autorité (facultatif)
account-ca-file-hint = Pour un serveur privé : le fichier de l’autorité qui a signé son certificat.
account-sound = Son et chiffrement des appels
account-sound-of = Son et chiffrement : { $name }
account-sound-when = Vaut à partir du prochain appel.
save = Enregistrer
media-security = Chiffrement
media-security-off = Désactivé
media-security-preferred = Si possible
media-security-required = Toujours
media-keying = Clés
media-keying-auto = Automatique
media-keying-sdes = SDES
media-keying-dtls = DTLS
media-codecs = Codecs (facultatif)
media-codecs-hint = Par ordre de préférence. Vide : opus, G722, PCMU, PCMA.
media-codecs-wrong = Tern connaît opus, G722, PCMU, PCMA et G729.
media-packet = Durée des paquets
media-packet-usual = Habituelle (20 ms)
media-dtmf = Touches du clavier
media-dtmf-auto = Automatique
media-dtmf-rfc4733 = Événements (RFC 4733)
media-dtmf-info = Signalisation (INFO)
media-dtmf-inband = Dans le son
media-ice = Chercher un chemin à travers les pare-feu
media-ice-hint = ICE. Seulement si votre opérateur le propose.
media-stun = Serveur STUN (facultatif)
media-turn = Serveur TURN (facultatif)
media-turn-user = Utilisateur TURN
media-turn-password = Mot de passe TURN
account-name = Nom (facultatif)
account-name-hint = Comment l’appeler dans cette fenêtre.
provider = Opérateur
provider-none = N’importe quel compte SIP
provider-voipms = VoIP.ms
provider-telnyx = Telnyx
provider-twilio = Twilio (SMS d’abord)
provider-signalwire = SignalWire (SMS d’abord)
provider-zadarma = Zadarma
provider-tern = Un autre, par l’API opérateur de Tern
provider-voipms-has = Solde, numéros, SMS et MMS, journal d’appels, tarifs, messagerie vocale. Les appels passent par votre premier sous-compte. VoIP.ms ne répond qu’aux adresses autorisées dans son espace client.
provider-telnyx-has = Solde, numéros, SMS avec les textes des 10 derniers jours, journal d’appels. Les appels passent par vos premiers identifiants de téléphonie. Pas de prix à l’avance.
provider-twilio-has = Solde, numéros, SMS, journal d’appels, prix. Pas de téléphone : Twilio ne fournit pas de compte SIP, il en faut un à vous pour appeler.
provider-signalwire-has = Numéros, SMS, journal d’appels. Ni solde ni prix, et il faut un compte SIP à vous pour appeler.
provider-zadarma-has = Solde, numéros, journal d’appels, prix, envoi de SMS. Pas de réception : l’API de Zadarma ne transmet pas les SMS reçus.
provider-tern-has = Tout ce que l’opérateur propose.
provider-url = Adresse de l’API ou de l’espace
provider-url-empty = Saisissez l’adresse.
provider-user = { $provider ->
    [voipms] Adresse e-mail de connexion
    [twilio] SID du compte
    [signalwire] ID du projet
   *[other] Clé d’API
}
provider-field-empty = À remplir.
provider-token = { $provider ->
    [voipms] Mot de passe d’API
    [twilio] Jeton d’authentification
    [telnyx] Clé d’API
    [zadarma] Secret d’API
   *[other] Jeton d’API
}
account-own-sip = Un autre compte SIP pour les appels
account-add-submit = Ajouter le compte
account-remove = Supprimer { $name }
account-remove-what = Tern le déconnecte et efface son mot de passe et son historique de cet ordinateur. L’opérateur conserve les numéros, le solde et ses propres données.
account-remove-confirm = Supprimer le compte
accounts-none = Aucun compte pour l’instant.

welcome-title = Prêt quand vous l’êtes
welcome-what = Ouvrez une conversation ou tapez simplement un numéro. Le test d’écho répète ce que vous dites : vous savez ainsi que l’on vous entend.
welcome-first-title = Bienvenue dans Tern
welcome-first-what = Ajoutez votre compte SIP pour appeler et écrire depuis vos numéros.

side-label = Compte et clavier
tabs-label = Parties de la fenêtre
tab-phone = Téléphone
tab-activity = Activité
close = Fermer
cancel = Annuler
dismiss = Ignorer
link-broken = Le moteur de Tern ne répond pas.
playing = Lecture
playing-how-far = Avancement
playing-stop = Arrêter la lecture
recording-play = Écouter l’enregistrement
away = Pendant votre absence : { $what }.
away-messages =
    { $messages } { $messages ->
        [one] message
       *[other] messages
    } de { $people } { $people ->
        [one] personne
       *[other] personnes
    }
away-calls =
    { $calls } { $calls ->
        [one] appel manqué
       *[other] appels manqués
    }

tab-contacts = Contacts
more = Plus
contacts = Contacts
contacts-search = Chercher dans les contacts
contacts-search-placeholder = Nom ou numéro
contacts-empty = Pas encore de contacts
contacts-empty-what = Ajoutez des personnes vous-même, ou importez un fichier vCard de votre téléphone ou de votre carnet d’adresses.
contacts-more = Importer et exporter
contacts-import = Importer des vCards…
contacts-import-large = Ce fichier est trop gros pour être un carnet d’adresses.
contacts-export = Tout exporter…
contacts-export-title = Exporter les contacts
contacts-file = contacts
contacts-imported = Contacts importés
contacts-imported-added =
    { $count ->
        [one] { $count } contact ajouté
       *[other] { $count } contacts ajoutés
    }
contacts-imported-changed =
    { $count ->
        [one] { $count } contact modifié
       *[other] { $count } contacts modifiés
    }
contacts-imported-same =
    { $count ->
        [one] { $count } contact était déjà là
       *[other] { $count } contacts étaient déjà là
    }
contacts-imported-unreadable =
    { $count ->
        [one] { $count } fiche illisible : sans nom ou sans numéro (ligne { $lines })
       *[other] { $count } fiches illisibles : sans nom ou sans numéro (lignes { $lines })
    }
contacts-imported-none = Il n’y a aucun contact dans ce fichier.
contacts-exported =
    { $count ->
        [one] { $count } contact est dans { $path }.
       *[other] { $count } contacts sont dans { $path }.
    }
contact-new = Nouveau contact
contact-show = Voir le contact
contact-add-number = Ajouter aux contacts
contact-copy = Copier le numéro
contact-edit = Modifier
contact-edit-title = Modifier le contact
contact-favourite = { $name } est un favori
contact-name = Nom
contact-name-empty = Entrez un nom.
contact-number = Numéro
contact-number-more = Numéro { $place }
contact-number-empty = Entrez un numéro.
contact-number-add = Ajouter un autre numéro
contact-number-remove = Retirer ce numéro
contact-kind = Usage du numéro
contact-kind-other = Autre
contact-kind-cell = Mobile
contact-kind-home = Domicile
contact-kind-work = Travail
contact-kind-fax = Fax
contact-kind-pager = Pager
contact-note = Note
contact-write = Message
contact-write-to = Écrire au { $number }
contact-remove = Supprimer le contact
contact-remove-title = Supprimer { $name } ?
contact-remove-what = Les conversations et les appels restent ; ils montrent le numéro à la place du nom.
block = Bloquer
block-menu = Bloquer…
block-title = Bloquer { $name } ?
block-what = Les appels sont refusés et les messages mis de côté, sans rien dire à personne. Vous les trouvez dans les réglages, sous Numéros bloqués.
block-spam = Ce sont des indésirables
block-spam-hint = Marqué comme tel dans la liste des numéros bloqués.
block-number = Bloquer { $number }
blocked = Numéros bloqués
blocked-count =
    { $count ->
        [0] Personne n’est bloqué
        [one] { $count } numéro
       *[other] { $count } numéros
    }
blocked-show = Afficher
blocked-none = Personne n’est bloqué
blocked-none-what = Bloquez un numéro depuis sa conversation : ses appels et ses messages arrivent alors ici, sans bruit.
blocked-mark = bloqué
blocked-as-spam = bloqué comme indésirable
blocked-since = Bloqué depuis le { $day }
blocked-spam-since = Indésirable, bloqué depuis le { $day }
blocked-came = Leurs appels et messages
blocked-activity-none = Rien pour l’instant.
unblock = Débloquer
unblock-number = Débloquer { $number }
thread-blocked = Vous avez bloqué ce numéro.
thread-blocked-spam = Vous avez bloqué ce numéro comme indésirable.
thread-delete = Supprimer
thread-delete-menu = Supprimer la conversation…
thread-delete-title = Supprimer la conversation avec { $name } ?
thread-delete-what = Ses messages et ses appels quittent cet ordinateur et ne reviennent pas. Les messages en attente partent quand même.
thread-delete-stays = Votre opérateur garde ses propres relevés.
thread-delete-there = Supprimer aussi les messages chez l’opérateur
thread-delete-there-hint = Ils y sont supprimés l’un après l’autre. Les appels restent dans son journal.

settings-kept = Vos données
export-format = Exporter en
export-json = JSON (tout)
export-csv = CSV (pour tableurs)
export-json-what = Messages, appels et paiements, avec les contacts, les numéros bloqués, les brouillons et les réglages. Aucun mot de passe.
export-csv-what = Messages, appels, paiements et brouillons dans un seul tableau.
export-write = Exporter…
export-done = Dans { $path } : { $what }.
export-rows =
    { $count ->
        [one] { $rows } message, appel ou paiement
       *[other] { $rows } messages, appels et paiements
    }
export-contacts =
    { $count ->
        [one] { $count } contact
       *[other] { $count } contacts
    }
export-blocked =
    { $count ->
        [one] { $count } numéro bloqué
       *[other] { $count } numéros bloqués
    }
export-drafts =
    { $count ->
        [one] { $count } brouillon
       *[other] { $count } brouillons
    }
search-repair = La recherche oublie quelque chose ?
search-repair-what = Son index peut être refait à partir de ce qui est conservé. Rien n’est perdu.
search-repair-now = Refaire l’index
search-repaired = L’index est en train d’être refait.

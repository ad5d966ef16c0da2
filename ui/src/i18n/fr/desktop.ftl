# Ce que le bureau montre en dehors de la fenêtre : notifications et icône de la barre.

notify-call-title = Appel de { $name }
notify-call-body = Appel entrant pour le { $number }
notify-call-body-plain = Appel entrant
notify-answer = Répondre
notify-decline = Refuser

notify-missed-title = Appel manqué
notify-missed-body = { $name }

notify-sms-title = { $name }
notify-sms-hidden = Nouveau message
notify-copy-code = Copier le code
notify-reply = Répondre
notify-reply-placeholder = Message

notify-away-title = Pendant votre absence
notify-away-messages = { $messages ->
    [one] { $messages } message
   *[other] { $messages } messages
}
notify-away-people = { $people ->
    [one] de { $people } personne
   *[other] de { $people } personnes
}
notify-away-missed = { $calls ->
    [one] { $calls } appel manqué
   *[other] { $calls } appels manqués
}

notify-funds-title = Solde crédité
notify-funds-body = { $amount } { $currency } ont été ajoutés à votre solde
notify-no-funds-title = Solde inchangé
notify-no-funds-body = Le paiement a été refusé ou abandonné. Votre solde n’a pas changé.

notify-trouble-title = Tern a besoin de vous

tray-open = Ouvrir Tern
tray-quit = Quitter
tray-answer = Répondre
tray-hang-up = Raccrocher
tray-registered = { $account } : prêt pour les appels
tray-registering = { $account } : connexion…
tray-offline = { $account } : hors ligne
tray-trouble = { $account } : à vérifier
tray-no-account = Aucun compte
tray-unread = { $count ->
    [one] { $count } non lu
   *[other] { $count } non lus
}
call-anonymous = Anonyme
